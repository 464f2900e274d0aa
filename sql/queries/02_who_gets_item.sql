-- 02_who_gets_item.sql: which users get this item, best places first?
--
-- Asked by a seller's manager ("who will see the new lamp?"), and before an item is taken off.
-- The item is found in the dictionary by index, then lists are unpacked and searched: all of them, or a share of the
-- users, the same ones every night. `lists` is how many of these hold the item; nearline.exposure has the whole number
-- without unpacking anything, as it was counted when the release was built.
-- Costs with 1M users on two cores: one to two minutes for all of them, 3 s with share=0.01. Try that first.
--
--     psql -f sql/queries/02_who_gets_item.sql -v item=22423 -v share=0.01 -v count=20
\if :{?share}
\else
    \set share 1
\endif
\if :{?count}
\else
    \set count 100
\endif
\if :{?item}
\else
    SELECT item_id AS item FROM nearline.exposure ORDER BY lists DESC, item_id LIMIT 1 \gset
\endif

SELECT user_id, rank, score, source, count(*) OVER () AS lists
FROM nearline.candidates
WHERE item_id = :'item' AND nearline.in_sample(user_id::text, :share)
ORDER BY rank, score DESC, user_id LIMIT :count;
