//! Keys and signatures that were published to be tried.

use serde_json::json;

use super::*;

/// RFC 7515, A.2 and A.3, and RFC 8037, A.4: a key, what is signed, the signature.
fn published() -> [(Value, &'static str, &'static str); 3] {
    let rsa = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt\
        0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5\
        z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aG\
        hyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let p256 = [
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    ];
    let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signed = |header: &str, claims: &str| &*format!("{header}.{claims}").leak();
    [
        (
            json!({"kty": "RSA", "n": rsa, "e": "AQAB"}),
            signed("eyJhbGciOiJSUzI1NiJ9", claims),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5\
             jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb\
             1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO\
             YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": p256[0], "y": p256[1]}),
            signed("eyJhbGciOiJFUzI1NiJ9", claims),
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            signed("eyJhbGciOiJFZERTQSJ9", "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ]
}

fn read(keys: &[&Value]) -> Result<Jwks, NoKeys> {
    Jwks::read(json!({"keys": keys}).to_string().as_bytes())
}

fn with(key: &Value, more: &Value) -> Value {
    let mut key = key.clone();
    for (member, value) in more.as_object().unwrap() {
        key[member] = value.clone();
    }
    key
}

#[test]
fn what_was_published_as_signed_is_and_nothing_else() {
    for (key, signed, signature) in published() {
        let jwks = read(&[&key]).unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        assert_eq!(jwks.0[0].verify(signed.as_bytes(), &signature), Ok(()), "{key}");
        for place in [0, signature.len() / 2, signature.len() - 1] {
            let mut wrong = signature.clone();
            wrong[place] ^= 1;
            assert_eq!(
                jwks.0[0].verify(signed.as_bytes(), &wrong),
                Err(Denied::Signature),
                "{key}"
            );
        }
        let other = signed.replace('e', "f");
        assert_eq!(jwks.0[0].verify(other.as_bytes(), &signature), Err(Denied::Signature), "{key}");
        for (other, _, _) in published().iter().filter(|it| it.0 != key) {
            let other = &read(&[other]).unwrap().0[0];
            assert_eq!(other.verify(signed.as_bytes(), &signature), Err(Denied::Signature));
        }
    }
}

#[test]
fn keys_that_are_for_something_else_are_left_out() {
    let [(rsa, ..), (p256, ..), (ed25519, ..)] = published();
    for (key, own) in [(&rsa, "RS256"), (&p256, "ES256"), (&ed25519, "EdDSA")] {
        for good in [
            json!({}),
            json!({"use": "sig"}),
            json!({"alg": own}),
            json!({"key_ops": ["verify"]}),
            json!({"kid": "a", "x5c": ["nonsense"], "unknown": {}}),
        ] {
            assert!(read(&[&with(key, &good)]).is_ok(), "{own} {good}");
        }
        for wrong in [
            json!({"use": "enc"}),
            json!({"use": null}),
            json!({"alg": "HS256"}),
            json!({"alg": "PS256"}),
            json!({"alg": "RSA-OAEP"}),
            json!({"alg": if own == "ES256" { "EdDSA" } else { "ES256" }}),
            json!({"key_ops": ["sign"]}),
            json!({"key_ops": "verify"}),
            json!({"d": "AQAB"}),
            json!({"kty": "oct", "k": "AQAB"}),
            json!({"kty": 7}),
            json!({"x": "AQAB", "n": "AQAB"}),
            json!({"crv": "P-384", "n": "not base64"}),
        ] {
            assert_eq!(read(&[&with(key, &wrong)]).unwrap_err(), NoKeys::None, "{own} {wrong}");
            assert!(read(&[&with(key, &wrong), &ed25519]).is_ok(), "the others are taken");
        }
    }
    let padded = format!("AAAA{}", rsa["n"].as_str().unwrap());
    let padded = read(&[&with(&rsa, &json!({"n": padded}))]).unwrap();
    assert_eq!(padded.0[0].fingerprint, read(&[&rsa]).unwrap().0[0].fingerprint);
    let long = BASE64URL_NOPAD.encode(&[255; 1025]);
    assert!(read(&[&with(&rsa, &json!({"n": long}))]).is_err(), "it would cost too much");
}

#[test]
fn what_is_no_jwks_has_no_keys() {
    for wrong in ["", "null", "[]", "{}", "{\"keys\": {}}", "{\"keys\": null}", "<html>"] {
        assert_eq!(Jwks::read(wrong.as_bytes()).unwrap_err(), NoKeys::Form, "{wrong}");
    }
    assert_eq!(read(&[]).unwrap_err(), NoKeys::None);
    let [.., (key, _, _)] = published();
    assert_eq!(read(&[&key; KEYS_MAX]).unwrap().len(), KEYS_MAX);
    assert_eq!(read(&[&key; KEYS_MAX + 1]).unwrap_err(), NoKeys::TooMany);
}

#[test]
fn a_token_means_the_key_that_it_names_or_the_only_one_that_fits() {
    let [(rsa, ..), (p256, ..), (ed25519, ..)] = published();
    let named = |key: &Value, name: &str| with(key, &json!({"kid": name}));
    let find = |keys: &Jwks, algorithm, key: Option<&str>| {
        let header = Header { algorithm, key: key.map(str::to_owned) };
        keys.find(&header).map(|it| it.map(|it| it.material.algorithm()))
    };
    // Keys of two kinds may have one name.
    let keys = read(&[&named(&rsa, "a"), &named(&p256, "a"), &named(&ed25519, "b")]).unwrap();
    for (algorithm, name) in
        [(Algorithm::Rs256, "a"), (Algorithm::Es256, "a"), (Algorithm::EdDsa, "b")]
    {
        assert_eq!(find(&keys, algorithm, Some(name)), Some(Ok(algorithm)));
        assert_eq!(find(&keys, algorithm, None), Some(Ok(algorithm)), "it is the only one");
        assert_eq!(find(&keys, algorithm, Some("c")), None);
    }
    assert_eq!(find(&keys, Algorithm::Rs256, Some("b")), Some(Err(Denied::Algorithm)));
    assert_eq!(find(&keys, Algorithm::EdDsa, Some("a")), Some(Err(Denied::Algorithm)));
    let two = read(&[&named(&p256, "a"), &p256]).unwrap();
    assert_eq!(find(&two, Algorithm::Es256, None), Some(Err(Denied::Key)), "nobody guesses");
    assert_eq!(find(&two, Algorithm::EdDsa, None), None);
}
