//! OpenAPI, schemas and problem pages say what the ledger does.

pub mod schema;
