-- 13_release_sizes.sql: how much room does each release take, table by table, and how much is that for a user?
--
-- Asked by database administrators before they choose how many releases to keep.
-- Sizes come from the file system: tables with TOAST, and indexes apart. A superseded release costs this until
-- `nearline prune` removes it.
-- Costs milliseconds.
--
--     psql -f sql/queries/13_release_sizes.sql

SELECT r.release, r.state, r.users, t.kind AS holds, pg_table_size(l.leaf) AS table_bytes,
    pg_indexes_size(l.leaf) AS index_bytes,
    round(pg_total_relation_size(l.leaf)::numeric / nullif(r.users, 0), 1) AS bytes_per_user
FROM nearline.releases r
CROSS JOIN LATERAL (VALUES
    ('lists', 'candidate'), ('near-line lists', 'overlay'), ('transitions', 'transition'),
    ('dictionary', 'release_item')
) t (kind, parent)
CROSS JOIN LATERAL (SELECT to_regclass(format('nearline.%s_r%s', t.parent, r.release)) AS leaf) l
ORDER BY r.release DESC, pg_total_relation_size(l.leaf) DESC;
