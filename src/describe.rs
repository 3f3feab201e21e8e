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
    close(&mut schema, &objects(parts));
    schema
}

/// Which parts are objects with members of their own.
fn objects(parts: &Parts) -> Vec<String> {
    let is_object = |it: &RefOr<Schema>| matches!(it, RefOr::T(Schema::Object(it)) if !it.properties.is_empty());
    let objects = parts.iter().filter(|it| is_object(&it.1));
    objects.map(|it| format!("#/components/schemas/{}", it.0)).collect()
}

/// Takes no unknown members in the parts of a command, as its reader does. Said where a part is
/// named and not in the part itself: events are made of the same parts, and may have more one day.
fn close(schema: &mut Value, objects: &[String]) {
    match schema {
        Value::Object(members) => {
            if members.get("$ref").is_some_and(|it| objects.iter().any(|object| it == object)) {
                members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(|it| close(it, objects));
        }
        Value::Array(items) => items.iter_mut().for_each(|it| close(it, objects)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
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
    fn the_parts_of_a_command_take_no_unknown_members() {
        let closed = Some(&Value::Bool(false));
        for kind in CommandType::ALL {
            let schema = schema(*kind);
            assert_eq!(schema["properties"]["change"].get("unevaluatedProperties"), closed);
            assert_eq!(schema.get("additionalProperties"), closed, "{kind}");
            assert_eq!(schema["properties"]["reason"].get("unevaluatedProperties"), None);
        }
        let all = components();
        let holders = &all["AssignSeat"]["properties"]["holders"]["items"];
        let holder = &all["ChangeAssignment"]["properties"]["holder"]["oneOf"][0];
        for it in [holders, holder] {
            assert_eq!(it.get("unevaluatedProperties"), closed, "{it}");
        }
        // Readers of events ignore members that they do not know.
        let event = &all["SeatAssigned"]["properties"]["holder"];
        assert_eq!(event.get("unevaluatedProperties"), None);
        assert_eq!(all["Holder"].get("additionalProperties"), None);
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
