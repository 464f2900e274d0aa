-- 12_excluded_items.sql: does any list hold an item that its user must not get?
--
-- Asked by whoever signs for it: age limits, recalls, what a user has hidden. Every `found` has to be 0. It is not
-- where something was excluded after the lists were made; those are served until the next release or refresh.
-- Items denied to everybody are looked up in the exposure that was counted when the release was built, in all near-line
-- lists made since, and in the fallback list; items denied to single users in the lists of these users, as
-- nearline.lookup answers them.
-- Costs 1 ms for each user who has exclusions, and 0.1 ms for each near-line list.
--
--     psql -f sql/queries/12_excluded_items.sql -v exclusions=shop.exclusions -v items=shop.items
\if :{?exclusions}
\else
    \set exclusions shop.exclusions
\endif
\if :{?items}
\else
    \set items shop.items
\endif

WITH denied AS (
    SELECT item_id FROM :exclusions WHERE user_id IS NULL UNION SELECT item_id FROM :items WHERE NOT available
), denied_to_user AS (
    SELECT user_id, array_agg(DISTINCT item_id) AS items FROM :exclusions WHERE user_id IS NOT NULL GROUP BY user_id
), made_since AS (
    SELECT payload FROM nearline.overlay
    WHERE release = (SELECT release FROM nearline.current_release WHERE only_row)
), fallback_list AS (
    SELECT payload FROM nearline.fallback
    WHERE release = (SELECT release FROM nearline.current_release WHERE only_row)
), denied_rows AS (
    SELECT item_row FROM nearline.release_item JOIN denied USING (item_id)
    WHERE release = (SELECT release FROM nearline.current_release WHERE only_row)
)
SELECT 'denied to everybody, in published lists' AS what, count(*) AS looked_at, coalesce(sum(e.lists), 0) AS found
FROM denied JOIN nearline.exposure e USING (item_id)
UNION ALL
SELECT 'denied to everybody, in near-line lists', (SELECT count(*) FROM made_since), count(*)
FROM made_since m CROSS JOIN LATERAL nearline.unpack(m.payload) u JOIN denied_rows d USING (item_row)
UNION ALL
SELECT 'denied to everybody, in the fallback list', (SELECT count(*) FROM fallback_list), count(*)
FROM fallback_list f CROSS JOIN LATERAL nearline.unpack(f.payload) u JOIN denied_rows d USING (item_row)
UNION ALL
SELECT 'denied to single users, in their lists', (SELECT coalesce(sum(cardinality(items)), 0) FROM denied_to_user),
    count(*)
FROM denied_to_user d CROSS JOIN LATERAL nearline.lookup(d.user_id) l
WHERE l.item_id = ANY (d.items);
