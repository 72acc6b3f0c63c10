-- latchkey: expand
-- +goose Up
-- create "signing_keys" table
CREATE TABLE `signing_keys` (
  `id` text NOT NULL,
  `algorithm` text NOT NULL,
  `state` text NOT NULL,
  `sealed` blob NOT NULL,
  `created_at` datetime NOT NULL,
  `activated_at` datetime NULL,
  `retired_at` datetime NULL,
  PRIMARY KEY (`id`)
);
-- create index "idx_signing_keys_state" to table: "signing_keys"
CREATE UNIQUE INDEX `idx_signing_keys_state` ON `signing_keys` (`state`) WHERE state <> 'retired';

-- +goose Down
-- drop "signing_keys" table
DROP TABLE `signing_keys`;
