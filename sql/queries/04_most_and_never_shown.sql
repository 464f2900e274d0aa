-- 04_most_and_never_shown.sql: which items stand in most lists, and which popular ones in none?
--
-- Asked by merchandisers. An item that many people buy and nobody is shown is worth a look: a wrong category, a rule
-- that hides it, an identifier that changed. Items that are not available are left out, as nobody may get them.
-- Reads the dictionary of the current release, whose rows are in order of popularity, most popular first, and which
-- holds the counted exposure; no list is unpacked.
-- Costs a scan of that dictionary: 0.5 s for 1M items.
--
--     psql -f sql/queries/04_most_and_never_shown.sql -v count=10 -v items=shop.items
\if :{?items}
\else
    \set items shop.items
\endif
\if :{?count}
\else
    \set count 20
\endif

WITH shown AS (
    SELECT item_id, item_row + 1 AS popularity, lists, lists_top_10 FROM nearline.release_item
    WHERE release = (SELECT release FROM nearline.current_release WHERE only_row)
), most AS (
    SELECT 'most' AS shown, * FROM shown ORDER BY lists DESC, popularity LIMIT :count
), never AS (
    SELECT 'never' AS shown, * FROM shown
    WHERE lists = 0 AND NOT EXISTS (SELECT FROM :items i WHERE i.item_id = shown.item_id AND NOT i.available)
    ORDER BY popularity LIMIT :count
)
SELECT s.shown, s.popularity, s.item_id, i.title, s.lists, s.lists_top_10
FROM (SELECT * FROM most UNION ALL SELECT * FROM never) s LEFT JOIN :items i USING (item_id)
ORDER BY s.shown, s.lists DESC, s.popularity;
