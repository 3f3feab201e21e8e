//! What a command looks like, for those who discover the ledger: its JSON Schema and an example.

use ::events::CommandType;
use ::events::command as c;
use ::events::request::Envelope;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema, openapi::RefOr, openapi::schema::Schema};

type Parts = Vec<(String, RefOr<Schema>)>;

/// The JSON Schema (2020-12) of a command document, complete in itself.
pub fn schema(kind: CommandType) -> Value {
    let mut parts = vec![];
    let mut schema = command(kind, &mut parts);
    schema["$defs"] = Value::Object(defined(parts));
    let text = schema.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap_or_default()
}

/// The schemas of all commands and events, and of what they are made of, as components of an OpenAPI
/// document.
pub fn components() -> Map<String, Value> {
    let mut parts = vec![];
    let commands: Vec<(String, Value)> = CommandType::ALL
        .iter()
        .map(|kind| (kind.to_string(), command(*kind, &mut parts)))
        .collect();
    let events = events(&mut parts);
    let mut all = defined(parts);
    all.extend(commands);
    all.extend(events);
    all
}

fn command(kind: CommandType, parts: &mut Parts) -> Value {
    let mut schema = match kind {
        CommandType::AllocateLicense => of::<c::AllocateLicense>(parts),
        CommandType::ChangeLicense => of::<c::ChangeLicense>(parts),
        CommandType::SuspendLicense => of::<c::SuspendLicense>(parts),
        CommandType::ReinstateLicense => of::<c::ReinstateLicense>(parts),
        CommandType::RetireLicense => of::<c::RetireLicense>(parts),
        CommandType::AssignSeat => of::<c::AssignSeat>(parts),
        CommandType::ChangeAssignment => of::<c::ChangeAssignment>(parts),
        CommandType::RevokeAssignment => of::<c::RevokeAssignment>(parts),
    };
    let envelope = of::<Envelope>(parts);
    let members = |it: &Value| it["properties"].as_object().cloned().unwrap_or_default();
    let mut properties = members(&envelope);
    properties.extend(members(&schema));
    schema["properties"] = Value::Object(properties);
    schema["additionalProperties"] = Value::Bool(false);
    schema["title"] = Value::String(kind.to_string());
    schema
}

/// What `data` of an event holds, by its type.
fn events(parts: &mut Parts) -> Vec<(String, Value)> {
    use ::events::event as e;
    let one = of::<e::Assigned>(parts);
    let alike = [
        "AssignmentDeactivated",
        "AssignmentReactivated",
        "AssignmentFulfilled",
        "FulfilmentWithdrawn",
        "AssignmentRevoked",
    ];
    let mut all: Vec<(String, Value)> =
        alike.iter().map(|it| ((*it).to_owned(), one.clone())).collect();
    all.push(("LicenseAllocated".to_owned(), of::<e::LicenseAllocated>(parts)));
    all.push(("LicenseDescribed".to_owned(), of::<e::LicenseDescribed>(parts)));
    all.push(("QuantityChanged".to_owned(), of::<e::QuantityChanged>(parts)));
    all.push(("WindowChanged".to_owned(), of::<e::WindowChanged>(parts)));
    all.push(("LicenseSuspended".to_owned(), of::<e::LicenseSuspended>(parts)));
    all.push(("LicenseReinstated".to_owned(), of::<e::LicenseReinstated>(parts)));
    all.push(("LicenseRetired".to_owned(), of::<e::LicenseRetired>(parts)));
    all.push(("SeatAssigned".to_owned(), of::<e::SeatAssigned>(parts)));
    all.push(("AssignmentDescribed".to_owned(), of::<e::AssignmentDescribed>(parts)));
    all
}

fn defined(parts: Parts) -> Map<String, Value> {
    let written = |it| serde_json::to_value(it).unwrap_or_default();
    parts.into_iter().map(|(name, it)| (name, written(it))).collect()
}

fn of<T: PartialSchema + ToSchema>(parts: &mut Parts) -> Value {
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
    use ::events::Request;
    use ::events::request::{Address, Via};

    #[test]
    fn every_example_is_a_command() {
        for kind in CommandType::ALL {
            let address =
                Address { account: "acme", kind: kind.as_str(), key: Some("c1"), via: Via::Http };
            let document = example(*kind).to_string();
            let made = || ::events::CommandId::new("made").unwrap();
            Request::read(&address, document.as_bytes(), made).unwrap();
        }
    }

    #[test]
    fn every_event_has_a_schema() {
        let components = components();
        for kind in ::events::Event::TYPES {
            assert!(components.contains_key(*kind), "{kind}");
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
