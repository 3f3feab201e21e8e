//! What a token has to say, and when.

use serde_json::json;

use super::*;

/// A time in seconds at which nothing is over.
const NOW: i64 = 1_800_000_000;

fn expected() -> Expected {
    Expected {
        issuer: "https://id.example".to_owned(),
        audience: "ledger".to_owned(),
        account: "account".to_owned(),
        role: "role".to_owned(),
        facades: "facades".to_owned(),
    }
}

/// A token that is good for a minute, but for these claims; `null` takes one away.
fn judged(more: &Value) -> Result<Principal, Denied> {
    let mut claims = json!({"iss": "https://id.example", "aud": "ledger", "sub": "ada",
        "exp": NOW + 60, "account": "acme", "role": "operator"});
    for (name, value) in more.as_object().unwrap() {
        match value.is_null() {
            true => drop(claims.as_object_mut().unwrap().remove(name)),
            false => claims[name] = value.clone(),
        }
    }
    let claims = read(claims.to_string().as_bytes()).unwrap();
    expected().judge(&claims, [0; 32], Moment::from_millis(NOW * 1_000))
}

#[test]
fn a_token_says_who_and_what() {
    let it = judged(&json!({})).unwrap();
    assert_eq!(it.reach, Reach::One(AccountId::new("acme").unwrap()));
    assert_eq!((it.role, it.facades.clone()), (Role::Operator, None));
    assert_eq!(it.actor().unwrap().as_str(), "ada");
    let Proof::Token(token) = it.proof else { panic!("{it:?}") };
    assert_eq!(token.until.millis(), (NOW + 60) * 1_000 + LEEWAY_MS);
    let every = judged(&json!({"account": "*", "facades": ["ibl", "native"]})).unwrap();
    assert_eq!(every.reach, Reach::Every { home: None });
    assert_eq!(every.facades, Some([Facade::Ibl, Facade::Native].into()));
    let nameless = judged(&json!({"sub": "two\nlines"})).unwrap();
    assert!(nameless.actor().unwrap().as_str().starts_with("token-"));
    let list = json!({"aud": ["other", "ledger"]});
    assert!(judged(&list).is_ok());
}

#[test]
fn the_clocks_may_be_a_minute_apart_and_not_more() {
    let leeway = LEEWAY_MS / 1_000;
    for (claims, said) in [
        (json!({"exp": NOW - leeway + 1}), Ok(())),
        (json!({"exp": NOW - leeway}), Err(Denied::Expired)),
        (json!({"nbf": NOW + leeway}), Ok(())),
        (json!({"nbf": NOW + leeway + 1}), Err(Denied::NotYet)),
        (json!({"iat": NOW + leeway}), Ok(())),
        (json!({"iat": NOW + leeway + 1}), Err(Denied::NotYet)),
        (json!({"exp": NOW as f64 + 0.5}), Ok(())),
        (json!({"exp": SECONDS_MAX}), Ok(())),
        (json!({"exp": SECONDS_MAX + 1}), Err(Denied::Times)),
        (json!({"exp": 1e300}), Err(Denied::Times)),
        (json!({"exp": u64::MAX}), Err(Denied::Times)),
        (json!({"exp": i64::MIN}), Err(Denied::Times)),
        (json!({"exp": -1}), Err(Denied::Times)),
        (json!({"exp": (NOW + 60).to_string()}), Err(Denied::Times)),
        (json!({"exp": null}), Err(Denied::Times)),
        (json!({"nbf": "now"}), Err(Denied::Times)),
        (json!({"iat": [NOW]}), Err(Denied::Times)),
    ] {
        assert_eq!(judged(&claims).map(drop), said, "{claims}");
    }
}

#[test]
fn what_a_token_does_not_say_as_it_should_is_not_guessed() {
    for (wrong, why) in [
        (json!({"iss": null}), Denied::Issuer),
        (json!({"iss": "https://id.example/"}), Denied::Issuer),
        (json!({"iss": ["https://id.example"]}), Denied::Issuer),
        (json!({"aud": null}), Denied::Audience),
        (json!({"aud": "ledger2"}), Denied::Audience),
        (json!({"aud": []}), Denied::Audience),
        (json!({"aud": ["other"]}), Denied::Audience),
        (json!({"aud": ["ledger", 7]}), Denied::Audience),
        (json!({"aud": {"ledger": true}}), Denied::Audience),
        (json!({"sub": null}), Denied::Subject),
        (json!({"sub": ""}), Denied::Subject),
        (json!({"sub": 7}), Denied::Subject),
        (json!({"cnf": {"jkt": "x"}}), Denied::Bound),
        (json!({"role": null}), Denied::Role),
        (json!({"role": "owner"}), Denied::Role),
        (json!({"role": "Admin"}), Denied::Role),
        (json!({"role": ["admin"]}), Denied::Role),
        (json!({"account": null}), Denied::Account),
        (json!({"account": ""}), Denied::Account),
        (json!({"account": "a.b"}), Denied::Account),
        (json!({"account": "acme*"}), Denied::Account),
        (json!({"account": 7}), Denied::Account),
        (json!({"account": ["acme"]}), Denied::Account),
        (json!({"facades": "native"}), Denied::Facades),
        (json!({"facades": ["native", "other"]}), Denied::Facades),
        (json!({"facades": [7]}), Denied::Facades),
    ] {
        assert_eq!(judged(&wrong).map(drop), Err(why), "{wrong}");
    }
    for twice in
        ["{\"sub\":\"a\",\"sub\":\"b\"}", "{\"x\":{\"a\":1,\"a\":2}}", "[]", "7", "", "\u{1}"]
    {
        assert!(read(twice.as_bytes()).is_err(), "{twice}");
    }
    assert!(read(b"{\"sub\":\"\xff\"}").is_err());
}
