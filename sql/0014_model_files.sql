-- 0014_model_files.sql: what becomes of models that nobody needs any more.
--
-- A model that goes on every night leaves a file every night. The row stays, because releases that are remembered say which
-- model they were made with; the file goes.
ALTER TABLE nearline.model ADD COLUMN removed_at timestamptz;
COMMENT ON COLUMN nearline.model.removed_at IS 'When nearline prune removed the file; NULL while it is there.';
