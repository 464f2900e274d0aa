-- 03_exposure_by_category.sql: which categories fill the lists, against their part of the catalogue?
--
-- Asked by category managers: a category with 10 % of the items and 1 % of the places is hardly shown to anybody.
-- Reads the exposure that was counted when the release was built, and the categories of the source; unpacks no list.
-- `lift` is above 1 where a category gets more places than items would have by chance.
-- Costs a scan of the dictionary of the current release and one of the items: 0.2 s for 1M items.
--
--     psql -f sql/queries/03_exposure_by_category.sql -v items=shop.items
\if :{?items}
\else
    \set items shop.items
\endif

WITH by_category AS (
    SELECT coalesce(i.category::text, '(none)') AS category, count(*) AS items,
        count(*) FILTER (WHERE e.lists = 0) AS never_shown, sum(e.lists) AS places, sum(e.lists_top_10) AS places_top_10
    FROM nearline.exposure e LEFT JOIN :items i USING (item_id)
    GROUP BY 1
)
SELECT category, items, never_shown, places, places_top_10,
    round(100 * places / nullif(sum(places) OVER (), 0), 2) AS percent_of_places,
    round(places / nullif(sum(places) OVER (), 0) / (items / sum(items) OVER ()), 2) AS lift
FROM by_category
ORDER BY places DESC, category;
