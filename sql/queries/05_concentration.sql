-- 05_concentration.sql: do the lists show the catalogue, or the same few items to everybody?
--
-- Asked by data scientists after every change of a model, and by whoever answers for sellers.
-- `effective_items` is how many items, shown equally often, would be as varied (the exponential of the entropy of the
-- places); `gini` is 0 where all items are shown equally often and near 1 where one takes all;
-- `percent_top_1_percent` is what the most shown hundredth of the items takes. For whole lists and for the first ten.
-- Reads the exposure that was counted when the release was built; no list is unpacked.
-- Costs a scan and two sorts of the dictionary: 4 s for 1M items.
--
--     psql -f sql/queries/05_concentration.sql

WITH counted AS (
    SELECT part, places::float8 AS places, row_number() OVER (PARTITION BY part ORDER BY places) AS place,
        count(*) OVER (PARTITION BY part) AS items,
        places / nullif(sum(places) OVER (PARTITION BY part), 0)::float8 AS portion
    FROM nearline.exposure e
    CROSS JOIN LATERAL (VALUES ('whole lists', e.lists), ('first ten', e.lists_top_10)) v (part, places)
)
SELECT part, items, count(*) FILTER (WHERE places > 0) AS shown,
    round(exp(-sum(portion * ln(portion)) FILTER (WHERE portion > 0))::numeric, 1) AS effective_items,
    round((2 * sum(place * portion) / items - (items + 1.0) / items)::numeric, 4) AS gini,
    round((100 * sum(portion) FILTER (WHERE place > items - ceil(items / 100.0)))::numeric, 2) AS percent_top_1_percent
FROM counted
GROUP BY part, items
ORDER BY part DESC;
