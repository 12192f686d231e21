-- SPDX-License-Identifier: Apache-2.0
-- A film rental business in the dialect of MySQL and MariaDB, written for this test: what only these servers have. ENUM and
-- SET, unsigned, YEAR, BIT and spatial types, JSON, ON UPDATE, index prefixes, fulltext and spatial indexes, virtual columns.

CREATE TABLE country (
  country_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  iso CHAR(2) NOT NULL UNIQUE COMMENT 'ISO 3166-1 alpha-2.',
  name VARCHAR(60) NOT NULL
) COMMENT 'Where addresses are: "quoted", with: colons # and so on.';

CREATE TABLE customer (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  uid UUID NOT NULL DEFAULT uuid(),
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  full_name VARCHAR(91) AS (concat(first_name, ' ', last_name)) VIRTUAL,
  email VARCHAR(120) NOT NULL DEFAULT '',
  active TINYINT(1) NOT NULL DEFAULT 1,
  state ENUM('new', 'New!', '42', 'it''s') NOT NULL DEFAULT 'New!',
  perks SET('parking', 'lounge') NOT NULL DEFAULT 'parking',
  credit DECIMAL(10,2) NOT NULL DEFAULT 0.00 CHECK (credit >= 0),
  big DECIMAL(30,4),
  points BIGINT UNSIGNED NOT NULL DEFAULT 0,
  flag BIT(1) NOT NULL DEFAULT b'0',
  flags BIT(8),
  preferences JSON,
  photo MEDIUMBLOB,
  hash BINARY(32),
  born DATE,
  since YEAR,
  wakes TIME,
  place POINT NOT NULL,
  note TEXT,
  address INET6,
  country_id SMALLINT UNSIGNED NOT NULL,
  referred_by INT UNSIGNED,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  deleted_at DATETIME(6),
  UNIQUE KEY ux_email_prefix (email(10)),
  KEY ix_name (last_name, first_name),
  KEY ix_note (note(20)),
  FULLTEXT KEY ft_note (note),
  SPATIAL KEY sp_place (place),
  CONSTRAINT fk_customer_country FOREIGN KEY (country_id) REFERENCES country (country_id) ON UPDATE CASCADE,
  CONSTRAINT fk_customer_referrer FOREIGN KEY (referred_by) REFERENCES customer (id) ON DELETE SET NULL,
  CONSTRAINT ck_points CHECK (points <= 100000 AND first_name <> last_name)
);

CREATE TABLE language (code CHAR(3) PRIMARY KEY, name VARCHAR(20) NOT NULL);

CREATE TABLE film (
  film_id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  title VARCHAR(255) NOT NULL,
  kind VARCHAR(20) NOT NULL DEFAULT 'feature' CHECK (kind IN ('feature', 'short film', 'series')),
  score FLOAT,
  gross DOUBLE,
  minutes SMALLINT UNSIGNED CHECK (minutes > 0),
  language_code CHAR(3) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY ix_title (title DESC),
  CONSTRAINT fk_film_language FOREIGN KEY (language_code) REFERENCES language (code)
);
CREATE TRIGGER film_title BEFORE INSERT ON film FOR EACH ROW SET NEW.title = trim(NEW.title);

CREATE TABLE actor (actor_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(90) NOT NULL);
CREATE TABLE film_actor (
  film_id MEDIUMINT UNSIGNED NOT NULL,
  actor_id INT NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (film_id, actor_id),
  CONSTRAINT fk_fa_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE CASCADE,
  CONSTRAINT fk_fa_actor FOREIGN KEY (actor_id) REFERENCES actor (actor_id) ON DELETE CASCADE
);

CREATE TABLE inventory (
  store_no INT NOT NULL,
  copy_no INT NOT NULL,
  film_id MEDIUMINT UNSIGNED NOT NULL,
  PRIMARY KEY (store_no, copy_no),
  CONSTRAINT fk_inventory_film FOREIGN KEY (film_id) REFERENCES film (film_id)
);
CREATE TABLE rental (
  rental_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  store_no INT NOT NULL,
  copy_no INT NOT NULL,
  customer_id INT UNSIGNED NOT NULL,
  rented_at DATETIME NOT NULL,
  CONSTRAINT fk_rental_copy FOREIGN KEY (store_no, copy_no) REFERENCES inventory (store_no, copy_no) ON DELETE CASCADE,
  CONSTRAINT fk_rental_customer FOREIGN KEY (customer_id) REFERENCES customer (id)
);

CREATE TABLE `order` (
  id INT PRIMARY KEY,
  `select` VARCHAR(8) NOT NULL,
  `It's a ``name``` INT,
  `Straße` VARCHAR(9),
  `password` VARCHAR(80)
);
CREATE TABLE no_key (a INT, b VARCHAR(16000), c LONGTEXT);

CREATE VIEW active_customers AS SELECT id FROM customer WHERE active;
CREATE PROCEDURE touch_all() UPDATE film SET title = title;
