-- latchkey: expand
-- +goose Up
CREATE TABLE `users` (
  `id` uuid NOT NULL,
  `email` text NOT NULL,
  `password` text NOT NULL,
  `first_name` text NOT NULL,
  `last_name` text NOT NULL,
  `is_active` numeric NOT NULL,
  `is_staff` numeric NOT NULL,
  `is_superuser` numeric NOT NULL,
  `date_joined` datetime NOT NULL,
  `last_login` datetime NULL,
  PRIMARY KEY (`id`)
);
CREATE UNIQUE INDEX `idx_users_email` ON `users` (`email`);

-- +goose Down
DROP TABLE `users`;
