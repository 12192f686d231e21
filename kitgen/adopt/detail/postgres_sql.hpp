// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The questions to PostgreSQL's catalogue; $1 is the schema. Inner header of kitgen/adopt.
namespace kitgen::adopt {

inline constexpr const char* postgres_tables = R"(
  SELECT c.relname, obj_description(c.oid, 'pg_class'), c.relkind, c.relrowsecurity,
         EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY c.oid)";

inline constexpr const char* postgres_enums = R"(
  SELECT t.typname, e.enumlabel, obj_description(t.oid, 'pg_type')
  FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
  WHERE t.oid IN (
    SELECT CASE WHEN r.typelem <> 0 AND r.typcategory = 'A' THEN r.typelem
                WHEN r.typtype = 'd' THEN r.typbasetype ELSE r.oid END
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type r ON r.oid = a.atttypid
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped)
  ORDER BY t.typname, t.oid, e.enumsortorder)";

/// table, column, not null, type as written, name of the plain type, its modifier, array?, enum?,
/// default or expression, identity, generated, comment, check of a domain
inline constexpr const char* postgres_columns = R"(
  SELECT c.relname, a.attname, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull),
         format_type(a.atttypid, a.atttypmod), coalesce(e.typname, r.typname),
         CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
         e.oid IS NOT NULL, coalesce(e.typtype, r.typtype) = 'e',
         pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
         col_description(c.oid, a.attnum),
         (SELECT string_agg(pg_get_expr(k.conbin, 0), ' AND ') FROM pg_constraint k
          WHERE k.contypid = t.oid AND k.contype = 'c')
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  JOIN pg_type r ON r.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_type e ON e.oid = r.typelem AND r.typcategory = 'A'
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0
    AND NOT a.attisdropped
  ORDER BY c.oid, a.attnum)";

inline constexpr const char* postgres_primary_keys = R"(
  SELECT c.relname, a.attname
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY u (attnum, place)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum
  WHERE n.nspname = $1 AND k.contype = 'p'
  ORDER BY c.oid, u.place)";

inline constexpr const char* postgres_foreign_keys = R"(
  SELECT c.relname, k.oid, a.attname, b.attname,
         CASE WHEN f.relnamespace = c.relnamespace THEN f.relname
              ELSE (SELECT nspname FROM pg_namespace WHERE oid = f.relnamespace) || '.' || f.relname END,
         k.confdeltype, k.confupdtype
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY u (here, there, place)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.here
  JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = u.there
  WHERE n.nspname = $1 AND k.contype = 'f' AND k.conparentid = 0
  ORDER BY c.oid, k.oid, u.place)";

inline constexpr const char* postgres_checks = R"(
  SELECT c.relname, k.contype, pg_get_expr(k.conbin, k.conrelid), k.conname
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND k.contype IN ('c', 'x')
  ORDER BY c.oid, k.oid)";

/// table, oid, name, unique, condition, method, column, descending, includes more
inline constexpr const char* postgres_indexes = R"(
  SELECT c.relname, i.indexrelid, x.relname, i.indisunique, pg_get_expr(i.indpred, i.indrelid),
         m.amname, a.attname, (i.indoption[u.place - 1] & 1) <> 0, i.indnatts > i.indnkeyatts
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = x.relam
  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY u (attnum, place)
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum AND u.attnum > 0
  WHERE n.nspname = $1 AND NOT i.indisprimary AND u.place <= i.indnkeyatts
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype = 'x')
  ORDER BY c.oid, i.indexrelid, u.place)";

inline constexpr const char* postgres_triggers = R"(
  SELECT c.relname, t.tgname
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND NOT t.tgisinternal
  ORDER BY c.oid, t.tgname)";

/// Views, routines and sequences of nobody, and how many tables other schemas have.
inline constexpr const char* postgres_rest = R"(
  SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END,
         c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('v', 'm', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  UNION ALL
  SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, p.proname
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = $1
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  UNION ALL
  SELECT 'schema', n.nspname || ' with ' || count(*) || ' tables'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname <> $1 AND n.nspname <> 'information_schema'
    AND n.nspname NOT LIKE 'pg\_%'
  GROUP BY n.nspname
  ORDER BY 1, 2)";

}  // namespace kitgen::adopt
