-- 0007_codebook_origin.sql: what a codebook was learned from, and everybody's clusters without a key.
ALTER TABLE nearline.codebook ADD COLUMN learned_from text;
COMMENT ON COLUMN nearline.codebook.learned_from IS
    'The column of the items relation whose vectors it was learned from; empty for those of the model, NULL where nobody '
    'wrote it down.';

CREATE FUNCTION nearline.next_clusters()
RETURNS TABLE (rank int, cluster text, probability real, key_used text, support bigint, trend real)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT * FROM nearline.next_clusters(VARIADIC '{}')
$$;
COMMENT ON FUNCTION nearline.next_clusters() IS 'The clusters that most often come next for everybody.';
