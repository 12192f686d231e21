// SPDX-License-Identifier: Apache-2.0
#include "kitgen/evolve/system_credentials.hpp"

namespace kitgen::evolve::sql {

const SystemSql revocations{
    R"sql(-- Which tokens no longer count: of subjects, and single ones. The row of the kind 'counter' numbers
-- the changes in the order of their commits.
CREATE TABLE kit_revocations (
  kind          TEXT NOT NULL,
  name          TEXT NOT NULL,
  disabled      INTEGER NOT NULL,
  token_version INTEGER NOT NULL,
  changed_at    INTEGER NOT NULL,
  expires_at    INTEGER,
  revision      INTEGER NOT NULL,
  CONSTRAINT pk_kit_revocations PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_kit_revocations_revision ON kit_revocations (revision);
)sql",
    R"sql(-- Which tokens no longer count: of subjects, and single ones. The row of the kind 'counter' numbers
-- the changes in the order of their commits.
CREATE TABLE kit_revocations (
  kind          text COLLATE "C" NOT NULL,
  name          text COLLATE "C" NOT NULL,
  disabled      bigint NOT NULL,
  token_version bigint NOT NULL,
  changed_at    timestamptz NOT NULL,
  expires_at    timestamptz,
  revision      bigint NOT NULL,
  CONSTRAINT pk_kit_revocations PRIMARY KEY (kind, name)
);
CREATE INDEX ix_kit_revocations_revision ON kit_revocations (revision);
)sql",
    R"sql(-- Which tokens no longer count: of subjects, and single ones. The row of the kind 'counter' numbers
-- the changes in the order of their commits.
CREATE TABLE kit_revocations (
  kind          varchar(15) NOT NULL,
  name          varchar(255) NOT NULL,
  disabled      bigint NOT NULL,
  token_version bigint NOT NULL,
  changed_at    datetime(6) NOT NULL,
  expires_at    datetime(6),
  revision      bigint NOT NULL,
  PRIMARY KEY (kind, name),
  INDEX ix_kit_revocations_revision (revision)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
)sql",
};

const SystemSql refresh_tokens{
    R"sql(-- Refresh tokens by their SHA-256. The state is 0 current, 1 used, 2 replaced, 3 revoked.
CREATE TABLE kit_refresh_tokens (
  hash       TEXT NOT NULL,
  family     TEXT NOT NULL,
  parent     TEXT,
  subject    TEXT NOT NULL,
  state      INTEGER NOT NULL,
  used_at    INTEGER,
  expires_at INTEGER NOT NULL,
  CONSTRAINT pk_kit_refresh_tokens PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_kit_refresh_tokens_family ON kit_refresh_tokens (family);
CREATE INDEX ix_kit_refresh_tokens_parent ON kit_refresh_tokens (parent);
CREATE INDEX ix_kit_refresh_tokens_subject ON kit_refresh_tokens (subject);
CREATE INDEX ix_kit_refresh_tokens_expires_at ON kit_refresh_tokens (expires_at);
)sql",
    R"sql(-- Refresh tokens by their SHA-256. The state is 0 current, 1 used, 2 replaced, 3 revoked.
CREATE TABLE kit_refresh_tokens (
  hash       text COLLATE "C" NOT NULL,
  family     text COLLATE "C" NOT NULL,
  parent     text COLLATE "C",
  subject    text COLLATE "C" NOT NULL,
  state      bigint NOT NULL,
  used_at    timestamptz,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_kit_refresh_tokens PRIMARY KEY (hash)
);
CREATE INDEX ix_kit_refresh_tokens_family ON kit_refresh_tokens (family);
CREATE INDEX ix_kit_refresh_tokens_parent ON kit_refresh_tokens (parent);
CREATE INDEX ix_kit_refresh_tokens_subject ON kit_refresh_tokens (subject);
CREATE INDEX ix_kit_refresh_tokens_expires_at ON kit_refresh_tokens (expires_at);
)sql",
    R"sql(-- Refresh tokens by their SHA-256. The state is 0 current, 1 used, 2 replaced, 3 revoked.
CREATE TABLE kit_refresh_tokens (
  hash       varchar(64) NOT NULL,
  family     varchar(63) NOT NULL,
  parent     varchar(64),
  subject    varchar(255) NOT NULL,
  state      bigint NOT NULL,
  used_at    datetime(6),
  expires_at datetime(6) NOT NULL,
  PRIMARY KEY (hash),
  INDEX ix_kit_refresh_tokens_family (family),
  INDEX ix_kit_refresh_tokens_parent (parent),
  INDEX ix_kit_refresh_tokens_subject (subject),
  INDEX ix_kit_refresh_tokens_expires_at (expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
)sql",
};

const SystemSql api_keys{
    R"sql(-- API keys by their ids; of their secrets only the SHA-256.
CREATE TABLE kit_api_keys (
  id         TEXT NOT NULL,
  hash       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  label      TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  roles      TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  CONSTRAINT pk_kit_api_keys PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_kit_api_keys_subject ON kit_api_keys (subject);
)sql",
    R"sql(-- API keys by their ids; of their secrets only the SHA-256.
CREATE TABLE kit_api_keys (
  id         text COLLATE "C" NOT NULL,
  hash       text COLLATE "C" NOT NULL,
  subject    text COLLATE "C" NOT NULL,
  label      text COLLATE "C" NOT NULL,
  scopes     text COLLATE "C" NOT NULL,
  roles      text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  CONSTRAINT pk_kit_api_keys PRIMARY KEY (id)
);
CREATE INDEX ix_kit_api_keys_subject ON kit_api_keys (subject);
)sql",
    R"sql(-- API keys by their ids; of their secrets only the SHA-256.
CREATE TABLE kit_api_keys (
  id         varchar(63) NOT NULL,
  hash       varchar(64) NOT NULL,
  subject    varchar(255) NOT NULL,
  label      varchar(255) NOT NULL,
  scopes     longtext NOT NULL,
  roles      longtext NOT NULL,
  created_at datetime(6) NOT NULL,
  expires_at datetime(6),
  revoked_at datetime(6),
  PRIMARY KEY (id),
  INDEX ix_kit_api_keys_subject (subject)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
)sql",
};

}  // namespace kitgen::evolve::sql
