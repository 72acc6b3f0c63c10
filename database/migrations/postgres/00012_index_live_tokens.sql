-- latchkey: expand
-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = '10min';
DROP INDEX CONCURRENTLY IF EXISTS "idx_one_time_tokens_live";
-- create index "idx_one_time_tokens_live" to table: "one_time_tokens"
CREATE INDEX CONCURRENTLY "idx_one_time_tokens_live" ON "one_time_tokens" ("address") WHERE ended_at IS NULL;

-- +goose Down
-- drop index "idx_one_time_tokens_live" from table: "one_time_tokens"
DROP INDEX CONCURRENTLY IF EXISTS "idx_one_time_tokens_live";
