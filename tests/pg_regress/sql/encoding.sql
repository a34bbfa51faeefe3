-- Texts are UTF-8: a database of another encoding is refused.
\set SHOW_CONTEXT never
\set here :DBNAME
CREATE DATABASE sira_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\c sira_latin
CREATE EXTENSION sira;
\echo :LAST_ERROR_SQLSTATE
\c :here
DROP DATABASE sira_latin;
