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
        CommandType::SetPolicy => of::<c::SetPolicy>(parts),
        CommandType::RegisterHolder => of::<c::RegisterHolder>(parts),
        CommandType::LinkHolder => of::<c::LinkHolder>(parts),
        CommandType::RetireHolder => of::<c::RetireHolder>(parts),
        CommandType::DeclareDirectSet => of::<c::DeclareDirectSet>(parts),
        CommandType::ClearDirectSet => of::<c::ClearDirectSet>(parts),
        CommandType::AddMembers => of::<c::AddMembers>(parts),
        CommandType::RemoveMembers => of::<c::RemoveMembers>(parts),
        CommandType::SetGroupRule => of::<c::SetGroupRule>(parts),
        CommandType::GrantToGroup => of::<c::GrantToGroup>(parts),
        CommandType::RemoveGroupRule => of::<c::RemoveGroupRule>(parts),
        CommandType::LeaveWaitlist => of::<c::LeaveWaitlist>(parts),
        CommandType::ScheduleCommand => of::<c::ScheduleCommand>(parts),
        CommandType::CancelSchedule => of::<c::CancelSchedule>(parts),
        CommandType::SetAllocations => of::<c::SetAllocations>(parts),
        CommandType::MoveQuantity => of::<c::MoveQuantity>(parts),
        CommandType::AllocateToAccount => of::<c::AllocateToAccount>(parts),
        CommandType::CreateKey => of::<c::CreateKey>(parts),
        CommandType::RevokeKey => of::<c::RevokeKey>(parts),
        CommandType::ApplyBatch => of::<c::ApplyBatch>(parts),
        CommandType::PassTime => of::<c::PassTime>(parts),
        CommandType::ReceiveTransfer => of::<c::ReceiveTransfer>(parts),
        CommandType::EndTransfer => of::<c::EndTransfer>(parts),
        CommandType::NoteKeyUse => of::<c::NoteKeyUse>(parts),
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
    all.push(("PolicySet".to_owned(), of::<e::PolicySet>(parts)));
    all.push(("OverallocationBegan".to_owned(), of::<e::OverallocationBegan>(parts)));
    all.push(("OverallocationEnded".to_owned(), of::<e::OverallocationEnded>(parts)));
    all.push(("GroundAdded".to_owned(), of::<e::GroundChanged>(parts)));
    all.push(("GroundRemoved".to_owned(), of::<e::GroundChanged>(parts)));
    all.push(("AssignmentTransferred".to_owned(), of::<e::AssignmentTransferred>(parts)));
    all.push(("HolderRegistered".to_owned(), of::<e::HolderRegistered>(parts)));
    all.push(("HolderLinked".to_owned(), of::<e::HolderLinked>(parts)));
    all.push(("HolderRetired".to_owned(), of::<e::HolderRetired>(parts)));
    all.push(("DirectSetDeclared".to_owned(), of::<e::DirectSetDeclared>(parts)));
    all.push(("DirectSetCleared".to_owned(), of::<e::DirectSetCleared>(parts)));
    all.push(("GroupNamed".to_owned(), of::<e::GroupNamed>(parts)));
    all.push(("MemberAdded".to_owned(), of::<e::MemberAdded>(parts)));
    all.push(("MemberRemoved".to_owned(), of::<e::MemberRemoved>(parts)));
    all.push(("GroupRuleSet".to_owned(), of::<e::GroupRuleSet>(parts)));
    all.push(("GroupRuleApplied".to_owned(), of::<e::GroupRuleApplied>(parts)));
    all.push(("WaitlistJoined".to_owned(), of::<e::WaitlistJoined>(parts)));
    all.push(("WaitlistLeft".to_owned(), of::<e::WaitlistLeft>(parts)));
    for kind in ["LicenseStarted", "LicenseEnded", "GraceEnded"] {
        all.push((kind.to_owned(), of::<e::LicenseDue>(parts)));
    }
    all.push(("ContainerPlaced".to_owned(), of::<e::ContainerPlaced>(parts)));
    all.push(("AccountAllocationSet".to_owned(), of::<e::AccountAllocationSet>(parts)));
    all.push(("TransferBegan".to_owned(), of::<e::TransferBegan>(parts)));
    all.push(("TransferReceived".to_owned(), of::<e::TransferReceived>(parts)));
    all.push(("TransferEnded".to_owned(), of::<e::TransferEnded>(parts)));
    all.push(("AssignmentEndSet".to_owned(), of::<e::AssignmentEndSet>(parts)));
    all.push(("CommandScheduled".to_owned(), of::<e::CommandScheduled>(parts)));
    all.push(("ScheduleCancelled".to_owned(), of::<e::ScheduleCancelled>(parts)));
    all.push(("ScheduleFired".to_owned(), of::<e::ScheduleFired>(parts)));
    all.push(("KeyCreated".to_owned(), of::<e::KeyCreated>(parts)));
    all.push(("KeyRevoked".to_owned(), of::<e::KeyRevoked>(parts)));
    all.push(("KeyUsed".to_owned(), of::<e::KeyUsed>(parts)));
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
#[expect(clippy::too_many_lines, reason = "one arm a command, so that none is forgotten")]
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
        CommandType::SetPolicy => json!({"overage": "10%", "lowering": "tolerate"}),
        CommandType::RegisterHolder => json!({
            "holder": {"user": "ada", "email": "ada@example.com"},
            "display_name": "Ada Lovelace"
        }),
        CommandType::LinkHolder => json!({"email": "ada@example.com", "user": "ada"}),
        CommandType::RetireHolder => json!({"holder": {"user": "ada"}}),
        CommandType::DeclareDirectSet => {
            json!({"holders": [{"user": "ada"}], "products": ["CREATIVE"]})
        }
        CommandType::ClearDirectSet => json!({"holders": [{"user": "ada"}]}),
        CommandType::AddMembers | CommandType::RemoveMembers => {
            json!({"group": "designers", "holders": [{"user": "ada"}]})
        }
        CommandType::SetGroupRule => json!({
            "group": "designers",
            "grants": [{"product": "CREATIVE", "mode": "first_come", "quota": 10}]
        }),
        CommandType::GrantToGroup => {
            json!({"group": "designers", "grant": {"license": "creative", "mode": "eager"}})
        }
        CommandType::RemoveGroupRule => json!({"group": "designers"}),
        CommandType::LeaveWaitlist => {
            json!({"license": "creative", "holders": [{"user": "ada"}]})
        }
        CommandType::ScheduleCommand => json!({
            "at": "2027-01-01T00:00:00Z",
            "command": "RevokeAssignment",
            "document": {"license": "creative", "holders": [{"user": "ada"}]}
        }),
        CommandType::CancelSchedule => json!({"schedule": 1}),
        CommandType::SetAllocations => json!({"allocations": [
            {"container": "north", "quantities": [{"product": "CREATIVE", "quantity": 20}]}
        ]}),
        CommandType::MoveQuantity => json!({
            "product": "CREATIVE",
            "moves": [{"from": "north", "to": "south", "quantity": 5}]
        }),
        CommandType::CreateKey => json!({
            "key": "5d1f0c2ab7e94836",
            "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "role": "operator",
            "name": "provisioning"
        }),
        CommandType::RevokeKey => json!({"key": "5d1f0c2ab7e94836"}),
        CommandType::ApplyBatch => json!({"commands": [
            {"command": "RevokeAssignment", "document": {"license": "creative", "holders": [{"user": "ada"}]}},
            {"command": "AssignSeat", "document": {"license": "creative", "holders": [{"user": "cy"}]}}
        ]}),
        CommandType::AllocateToAccount => {
            json!({"license": "creative", "receiver": "acme-labs", "quantity": 5})
        }
        // Nobody is told of what the ledger itself asks.
        CommandType::PassTime
        | CommandType::ReceiveTransfer
        | CommandType::EndTransfer
        | CommandType::NoteKeyUse => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::events::request::{Address, Via};
    use ::events::{By, Request};

    #[test]
    fn every_example_is_a_command() {
        for kind in CommandType::ALL {
            let address =
                Address { account: "acme", kind: kind.as_str(), key: Some("c1"), via: Via::Http };
            let document = example(*kind).to_string();
            let made = || ::events::CommandId::new("made").unwrap();
            Request::read(&address, By::local(), document.as_bytes(), made).unwrap();
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

    /// What is wrong with the example of a command once a member of it is `null`.
    fn with_null(kind: CommandType, member: &str) -> Option<::events::Malformed> {
        let address = Address { account: "acme", kind: kind.as_str(), key: None, via: Via::Http };
        let mut document = example(kind);
        document[member] = Value::Null;
        let made = || ::events::CommandId::new("made").unwrap();
        let refused =
            Request::read(&address, By::local(), document.to_string().as_bytes(), made).err();
        refused.filter(|it| it.pointer == format!("/{member}"))
    }

    #[test]
    fn null_is_taken_where_the_schema_says_so_and_nowhere_else() {
        let null = json!("null");
        for kind in CommandType::ALL {
            for (member, says) in schema(*kind)["properties"].as_object().unwrap() {
                let listed = |it: &Value| it.as_array().is_some_and(|it| it.contains(&null));
                let choices = says["oneOf"].as_array().into_iter().flatten();
                let taken =
                    listed(&says["type"]) || choices.into_iter().any(|it| it["type"] == null);
                let refused = with_null(*kind, member);
                let told = refused.as_ref().map(|it| it.code.as_str());
                match taken {
                    true => assert_ne!(told, Some("wrong_type"), "{kind}: {member}"),
                    false => assert!(told.is_some(), "{kind}: {member} may be null"),
                }
            }
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
