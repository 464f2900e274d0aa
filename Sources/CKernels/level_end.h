// Undoes what level.h and levels.h set, for the next level.
#undef vf
#undef vi
#undef LEVEL
#undef LANES
#undef COLUMNS
#undef TARGET
#undef FUSED
#undef INLINE_AT
#undef PANEL
#undef ROWS
#undef JOIN_
#undef JOIN
#undef AT
