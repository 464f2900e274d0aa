-- 01_list_of_user.sql: what does this user get now, from where, and how old is it?
--
-- Asked by support ("why do I see this?") and by everybody who looks at Nearline for the first time.
-- Reads what a service reads: nearline.lookup takes the near-line list, else last night's, else the popular one, and
-- nearline.lookup_facts says which of the three it was. Titles come from the source.
-- Costs one index probe and one unpacked list: a millisecond, at any number of users.
--
--     psql -f sql/queries/01_list_of_user.sql -v user=17850 -v count=10 -v items=shop.items
\if :{?items}
\else
    \set items shop.items
\endif
\if :{?count}
\else
    \set count 20
\endif
\if :{?user}
\else
    SELECT user_id AS user FROM nearline.candidate
    WHERE release = (SELECT release FROM nearline.current_release WHERE only_row) ORDER BY user_id LIMIT 1 \gset
\endif

SELECT l.rank, l.item_id, i.title, l.score, l.source, f.origin, f.release, f.age
FROM nearline.lookup(:'user') l
CROSS JOIN nearline.lookup_facts(:'user') f
LEFT JOIN :items i USING (item_id)
ORDER BY l.rank LIMIT :count;
