//! As much of JSON Schema as the ledger's documents use, read strictly: a member that the schema
//! does not name is a mistake of one of the two.

use serde_json::{Map, Value};

/// Whether `value` is as `schema` says; `$ref`s point into `whole`.
pub fn check(whole: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolved(whole, schema)?;
    for (name, most) in [("oneOf", 1), ("anyOf", usize::MAX)] {
        let Some(choices) = schema[name].as_array() else { continue };
        let errors: Vec<_> =
            choices.iter().filter_map(|it| check(whole, it, value).err()).collect();
        match choices.len() - errors.len() {
            0 => return Err(errors.join("; or ")),
            fit if fit > most => return Err(format!(": {value} fits {fit} of {name}")),
            _ => {}
        }
    }
    check_type(schema, value)?;
    check_bounds(schema, value)?;
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{value} is none of {allowed:?}"));
    }
    match value {
        Value::Object(members) => check_members(whole, schema, members),
        Value::Array(items) if schema["items"].is_object() => {
            items.iter().enumerate().try_for_each(|(index, it)| {
                check(whole, &schema["items"], it).map_err(|it| format!("/{index}{it}"))
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Ok(())
        }
    }
}

/// The schema itself, or what its `$ref` names.
pub fn resolved<'a>(whole: &'a Value, schema: &'a Value) -> Result<&'a Value, String> {
    let Some(reference) = schema["$ref"].as_str() else { return Ok(schema) };
    let pointer = reference.strip_prefix('#').ok_or(format!("{reference} is elsewhere"))?;
    whole.pointer(pointer).ok_or(format!("{reference} is nowhere"))
}

fn check_type(schema: &Value, value: &Value) -> Result<(), String> {
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("no type is called {other}"),
    };
    let right = match &schema["type"] {
        Value::Null => true,
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|it| is(it.as_str().unwrap())),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err("no type".to_owned()),
    };
    right.then_some(()).ok_or_else(|| format!(": {value} is not of type {}", schema["type"]))
}

fn check_bounds(schema: &Value, value: &Value) -> Result<(), String> {
    let length = value.as_str().map(|it| it.chars().count() as f64);
    let count = value.as_array().map(|it| it.len() as f64);
    let bounds = [
        ("minimum", value.as_f64(), 1.0),
        ("maximum", value.as_f64(), -1.0),
        ("minLength", length, 1.0),
        ("maxLength", length, -1.0),
        ("minItems", count, 1.0),
        ("maxItems", count, -1.0),
    ];
    for (name, found, sign) in bounds {
        if let (Some(found), Some(bound)) = (found, schema[name].as_f64())
            && sign * found < sign * bound
        {
            return Err(format!(": {found} is beyond {name} {bound}"));
        }
    }
    Ok(())
}

fn check_members(
    whole: &Value,
    schema: &Value,
    members: &Map<String, Value>,
) -> Result<(), String> {
    let mut known = Known::default();
    known.gather(whole, schema)?;
    if let Some(missing) = known.required.iter().find(|it| !members.contains_key(**it)) {
        return Err(format!("/{missing} is missing"));
    }
    for (name, value) in members {
        match known.properties.get(name.as_str()) {
            Some(schema) => check(whole, schema, value).map_err(|it| format!("/{name}{it}"))?,
            // An object of which nothing is said may be any.
            None if known.properties.is_empty() && !known.closed => {}
            None => return Err(format!("/{name} is not described")),
        }
    }
    Ok(())
}

/// What an object may and must have, by a schema and all it is composed of.
#[derive(Default)]
struct Known<'a> {
    properties: std::collections::BTreeMap<&'a str, &'a Value>,
    required: Vec<&'a str>,
    closed: bool,
}

impl<'a> Known<'a> {
    fn gather(&mut self, whole: &'a Value, schema: &'a Value) -> Result<(), String> {
        let schema = resolved(whole, schema)?;
        for (name, it) in schema["properties"].as_object().into_iter().flatten() {
            self.properties.insert(name, it);
        }
        let required = schema["required"].as_array().into_iter().flatten();
        self.required.extend(required.filter_map(Value::as_str));
        self.closed |= schema["additionalProperties"] == false;
        let parts = schema["allOf"].as_array().into_iter().flatten();
        parts.into_iter().try_for_each(|it| self.gather(whole, it))
    }
}

#[test]
fn a_document_is_held_against_its_schema() {
    let whole: Value = serde_json::from_str(
        r##"{"$defs": {"name": {"type": "string", "minLength": 1}},
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"$ref": "#/$defs/name"},
                           "b": {"type": ["integer", "null"], "maximum": 3},
                           "c": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/name"}]},
                           "f": {"oneOf": [{"type": "integer"}, {"maximum": 3}]},
                           "g": {"anyOf": [{"type": "integer"}, {"maximum": 3}]}},
            "allOf": [{"properties": {"d": {"type": "array", "items": {"type": "boolean"}}}}]}"##,
    )
    .unwrap();
    let checked = |text: &str| check(&whole, &whole, &serde_json::from_str(text).unwrap());
    for good in [
        r#"{"a":"x"}"#,
        r#"{"a":"x","b":3,"c":null,"d":[true]}"#,
        r#"{"a":"x","b":null,"c":"y","d":[]}"#,
        r#"{"a":"x","f":4,"g":2}"#,
    ] {
        assert_eq!(checked(good), Ok(()), "{good}");
    }
    for bad in [
        "{}",
        "[]",
        r#"{"a":""}"#,
        r#"{"a":"x","b":4}"#,
        r#"{"a":"x","b":1.5}"#,
        r#"{"a":"x","c":7}"#,
        r#"{"a":"x","d":[0]}"#,
        r#"{"a":"x","e":0}"#,
        r#"{"a":"x","f":2}"#,
        r#"{"a":"x","g":3.5}"#,
    ] {
        assert!(checked(bad).is_err(), "{bad}");
    }
}
