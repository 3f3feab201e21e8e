//! What a command looks like, for those who discover the ledger: its JSON Schema and an example.

use events::CommandType;
use events::command as c;
use events::request::Envelope;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema, openapi::RefOr, openapi::schema::Schema};

/// The JSON Schema (2020-12) of a command document, complete in itself.
pub fn schema(kind: CommandType) -> Value {
    let mut parts = vec![];
    let own = match kind {
        CommandType::AllocateLicense => of::<c::AllocateLicense>(&mut parts),
        CommandType::ChangeLicense => of::<c::ChangeLicense>(&mut parts),
        CommandType::SuspendLicense => of::<c::SuspendLicense>(&mut parts),
        CommandType::ReinstateLicense => of::<c::ReinstateLicense>(&mut parts),
        CommandType::RetireLicense => of::<c::RetireLicense>(&mut parts),
        CommandType::AssignSeat => of::<c::AssignSeat>(&mut parts),
        CommandType::ChangeAssignment => of::<c::ChangeAssignment>(&mut parts),
        CommandType::RevokeAssignment => of::<c::RevokeAssignment>(&mut parts),
    };
    let envelope = of::<Envelope>(&mut parts);
    let mut schema = own;
    let members = |it: &Value| it["properties"].as_object().cloned().unwrap_or_default();
    let mut properties = members(&envelope);
    properties.extend(members(&schema));
    schema["properties"] = Value::Object(properties);
    schema["additionalProperties"] = Value::Bool(false);
    schema["title"] = Value::String(kind.to_string());
    let defs: Map<String, Value> = parts
        .into_iter()
        .map(|(name, it)| (name, serde_json::to_value(it).unwrap_or_default()))
        .collect();
    schema["$defs"] = Value::Object(defs);
    let text = schema.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap_or_default()
}

fn of<T: PartialSchema + ToSchema>(parts: &mut Vec<(String, RefOr<Schema>)>) -> Value {
    T::schemas(parts);
    serde_json::to_value(T::schema()).unwrap_or_default()
}

/// A document that works once its names are replaced.
pub fn example(kind: CommandType) -> Value {
    match kind {
        CommandType::AllocateLicense => {
            json!({"license": "creative", "product": "CREATIVE", "quantity": 50})
        }
        CommandType::ChangeLicense => json!({"license": "creative", "quantity": 60}),
        CommandType::SuspendLicense
        | CommandType::ReinstateLicense
        | CommandType::RetireLicense => json!({"license": "creative"}),
        CommandType::AssignSeat => json!({
            "license": "creative",
            "holders": [{"user": "ada"}, {"email": "bo@example.com"}]
        }),
        CommandType::ChangeAssignment => {
            json!({"license": "creative", "holder": {"user": "ada"}, "fulfilled": true})
        }
        CommandType::RevokeAssignment => {
            json!({"license": "creative", "holders": [{"user": "ada"}], "reason": "left"})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Request;
    use events::request::{Address, Via};

    #[test]
    fn every_example_is_a_command() {
        for kind in CommandType::ALL {
            let address =
                Address { account: "acme", kind: kind.as_str(), key: Some("c1"), via: Via::Http };
            let document = example(*kind).to_string();
            let made = || events::CommandId::new("made").unwrap();
            Request::read(&address, document.as_bytes(), made).unwrap();
        }
    }

    #[test]
    fn every_schema_is_complete_in_itself() {
        for kind in CommandType::ALL {
            let schema = schema(*kind);
            let text = schema.to_string();
            for reference in text.split("\"#/$defs/").skip(1) {
                let name = reference.split('"').next().unwrap();
                assert!(schema["$defs"].get(name).is_some(), "{kind}: {name}");
            }
            assert!(schema["properties"].get("dry_run").is_some());
            assert!(!text.contains("#/components/"));
        }
    }
}
