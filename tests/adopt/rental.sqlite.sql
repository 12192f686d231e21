-- SPDX-License-Identifier: Apache-2.0
-- A film rental business in SQLite's dialect, written for this test: 24 tables with what old databases have. Tables named
-- in the singular and the plural, keys of one, of two and of no column, cycles, joins with and without more columns, checks,
-- partial indexes, views, triggers, generated columns, and names that are no identifiers.

CREATE TABLE country (
  country_id INTEGER PRIMARY KEY AUTOINCREMENT,
  iso_code CHAR(2) NOT NULL UNIQUE CHECK (length(iso_code) >= 2),
  name VARCHAR(60) NOT NULL
);

CREATE TABLE city (
  city_id INTEGER PRIMARY KEY,
  name VARCHAR(60) NOT NULL,
  country_id INTEGER NOT NULL REFERENCES country (country_id) ON UPDATE CASCADE ON DELETE RESTRICT
);

CREATE TABLE address (
  address_id INTEGER PRIMARY KEY,
  line1 VARCHAR(80) NOT NULL,
  line2 VARCHAR(80),
  postal_code VARCHAR(12),
  phone VARCHAR(24),
  city_id INTEGER NOT NULL REFERENCES city (city_id),
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_address_postal ON address (postal_code, city_id);
CREATE TRIGGER address_touch AFTER UPDATE ON address BEGIN
  UPDATE address SET last_update = CURRENT_TIMESTAMP WHERE address_id = NEW.address_id;
END;

-- store and staff need each other.
CREATE TABLE store (
  store_id INTEGER PRIMARY KEY,
  name VARCHAR(60) NOT NULL UNIQUE,
  manager_staff_id INTEGER NOT NULL UNIQUE REFERENCES staff (staff_id),
  address_id INTEGER NOT NULL REFERENCES address (address_id)
);

CREATE TABLE staff (
  staff_id INTEGER PRIMARY KEY,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  username VARCHAR(16) NOT NULL UNIQUE,
  password VARCHAR(100),
  active BOOLEAN NOT NULL DEFAULT 1,
  picture BLOB,
  reports_to INTEGER REFERENCES staff (staff_id) ON DELETE SET NULL,
  store_id INTEGER NOT NULL REFERENCES store (store_id),
  address_id INTEGER NOT NULL REFERENCES address (address_id),
  hired_on DATE NOT NULL DEFAULT CURRENT_DATE,
  salary DECIMAL(10,2) NOT NULL DEFAULT 0 CHECK (salary >= 0)
);

CREATE TABLE customer (
  customer_id INTEGER PRIMARY KEY,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  full_name VARCHAR(91) GENERATED ALWAYS AS (first_name || ' ' || last_name) VIRTUAL,
  email VARCHAR(80),
  active BOOLEAN NOT NULL DEFAULT TRUE,
  loyalty_points INT NOT NULL DEFAULT 0 CHECK (loyalty_points BETWEEN 0 AND 100000),
  store_id INTEGER NOT NULL REFERENCES store (store_id),
  address_id INTEGER NOT NULL REFERENCES address (address_id),
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP,
  version INTEGER NOT NULL DEFAULT 1,
  deleted_at TIMESTAMP
);
CREATE INDEX idx_customer_last_name ON customer (last_name);
CREATE UNIQUE INDEX ux_customer_email ON customer (email) WHERE email IS NOT NULL;
CREATE INDEX ix_customer_lower ON customer (lower(last_name));

-- One row for each customer, under the customer's own key.
CREATE TABLE customer_profile (
  customer_id INTEGER PRIMARY KEY REFERENCES customer (customer_id) ON DELETE CASCADE,
  birthday DATE,
  newsletter BOOLEAN NOT NULL DEFAULT 0,
  preferences JSON
);

CREATE TABLE language (
  code CHAR(3) PRIMARY KEY,
  name VARCHAR(20) NOT NULL
);

CREATE TABLE category (
  category_id INTEGER PRIMARY KEY,
  name VARCHAR(25) NOT NULL,
  parent_id INTEGER REFERENCES category (category_id) ON DELETE CASCADE,
  UNIQUE (parent_id, name)
);

CREATE TABLE film (
  film_id INTEGER PRIMARY KEY,
  title VARCHAR(128) NOT NULL,
  description TEXT,
  release_year YEAR CHECK (release_year >= 1888 AND release_year <= 2155),
  language_code CHAR(3) NOT NULL REFERENCES language (code),
  original_language_code CHAR(3) REFERENCES language (code) ON DELETE SET NULL,
  rental_duration TINYINT NOT NULL DEFAULT 3 CHECK (rental_duration > 0),
  rental_rate DECIMAL(4,2) NOT NULL DEFAULT 4.99 CHECK (rental_rate > 0),
  length_minutes SMALLINT,
  replacement_cost NUMERIC(7,2) NOT NULL DEFAULT 19.99,
  rating VARCHAR(5) NOT NULL DEFAULT 'PG-13' CHECK (rating IN ('G', 'PG', 'PG-13', 'R', 'NC-17')),
  score REAL,
  homepage VARCHAR(200),
  checksum BINARY(16),
  last_update TIMESTAMP NOT NULL DEFAULT (datetime('now')),
  CHECK (length_minutes IS NULL OR length_minutes > 0),
  CHECK (replacement_cost >= rental_rate)
);
CREATE INDEX idx_film_title ON film (title COLLATE NOCASE);

CREATE TABLE actor (
  actor_id INTEGER PRIMARY KEY,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL
);
CREATE INDEX idx_actor_name ON actor (last_name, first_name DESC);

-- Two pure joins: the first with a time beside the pair, the second with a key of its own.
CREATE TABLE film_actor (
  actor_id INTEGER NOT NULL REFERENCES actor (actor_id),
  film_id INTEGER NOT NULL REFERENCES film (film_id),
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (actor_id, film_id)
);
CREATE TABLE film_category (
  id INTEGER PRIMARY KEY,
  film_id INTEGER NOT NULL REFERENCES film (film_id) ON DELETE CASCADE,
  category_id INTEGER NOT NULL REFERENCES category (category_id) ON DELETE CASCADE,
  UNIQUE (film_id, category_id)
);

-- A join that says more than the pair.
CREATE TABLE film_language (
  film_id INTEGER NOT NULL REFERENCES film (film_id) ON DELETE CASCADE,
  language_code CHAR(3) NOT NULL REFERENCES language (code),
  is_dubbed BOOLEAN NOT NULL DEFAULT 0,
  PRIMARY KEY (film_id, language_code)
);

CREATE TABLE inventory (
  inventory_id INTEGER PRIMARY KEY,
  film_id INTEGER NOT NULL REFERENCES film (film_id),
  store_id INTEGER NOT NULL REFERENCES store (store_id),
  shelf VARCHAR(8)
);
CREATE INDEX idx_store_film ON inventory (store_id, film_id);

CREATE TABLE rental (
  rental_id INTEGER PRIMARY KEY,
  rental_date DATETIME NOT NULL,
  inventory_id INTEGER NOT NULL REFERENCES inventory (inventory_id),
  customer_id INTEGER NOT NULL REFERENCES customer (customer_id),
  staff_id INTEGER NOT NULL REFERENCES staff (staff_id),
  return_date DATETIME,
  UNIQUE (rental_date, inventory_id, customer_id)
);
CREATE INDEX idx_open_rentals ON rental (customer_id) WHERE return_date IS NULL;

CREATE TABLE payment (
  payment_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customer (customer_id),
  staff_id INTEGER NOT NULL REFERENCES staff (staff_id),
  rental_id INTEGER REFERENCES rental (rental_id) ON DELETE SET NULL,
  amount DECIMAL(7,2) NOT NULL CHECK (amount >= 0 AND amount <= 5000),
  payment_date DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  method TEXT NOT NULL DEFAULT 'cash' CHECK (method IN ('cash', 'card', 'bank transfer'))
);

-- A key of two columns that another table points to.
CREATE TABLE purchase_order (
  store_id INTEGER NOT NULL REFERENCES store (store_id),
  order_no INTEGER NOT NULL,
  ordered_on DATE NOT NULL,
  note TEXT,
  PRIMARY KEY (store_id, order_no)
);
CREATE TABLE purchase_order_line (
  line_id INTEGER PRIMARY KEY,
  store_id INTEGER NOT NULL,
  order_no INTEGER NOT NULL,
  film_id INTEGER NOT NULL REFERENCES film (film_id),
  quantity INT NOT NULL DEFAULT 1 CHECK (quantity > 0),
  unit_price DECIMAL(8,2) NOT NULL,
  FOREIGN KEY (store_id, order_no) REFERENCES purchase_order (store_id, order_no) ON DELETE CASCADE
);

-- Names that generated code cannot have.
CREATE TABLE "order" (
  id INTEGER PRIMARY KEY,
  "class" VARCHAR(10) NOT NULL,
  "select" INTEGER,
  "größe in cm" INTEGER,
  "2nd note" TEXT,
  customer_id INTEGER NOT NULL REFERENCES customer (customer_id)
);
CREATE TABLE "Opening Hours" (
  "Day Of Week" INTEGER NOT NULL CHECK ("Day Of Week" BETWEEN 1 AND 7),
  "Opens" TIME NOT NULL,
  "Closes" TIME NOT NULL,
  "StoreId" INTEGER NOT NULL REFERENCES store (store_id)
);

-- Both would be entity Person.
CREATE TABLE person (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL);
CREATE TABLE people (id INTEGER PRIMARY KEY, nickname VARCHAR(60) NOT NULL UNIQUE);

CREATE TABLE audit_log (
  happened_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  who,
  what TEXT NOT NULL,
  place GEOMETRY
);

CREATE VIEW customer_list AS
  SELECT customer_id, first_name || ' ' || last_name AS name FROM customer;
CREATE VIEW open_rentals AS SELECT * FROM rental WHERE return_date IS NULL;
