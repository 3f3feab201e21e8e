use super::*;

const PROXY: &str = "10.0.0.1";

/// Who asks, by the lines of the header that the network of the proxies is believed in.
fn client(trusted: &str, lines: &[&'static str]) -> String {
    client_of(PROXY, trusted, lines)
}

fn client_of(peer: &str, trusted: &str, lines: &[&'static str]) -> String {
    let trusted: Trusted = trusted.parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(trusted.header.name(), HeaderValue::from_static(line));
    }
    // What is not believed is there as well.
    let other = match trusted.header {
        Header::Forwarded => HeaderName::from_static("x-forwarded-for"),
        Header::XForwardedFor => FORWARDED,
    };
    headers.append(other, HeaderValue::from_static("for=203.0.113.66"));
    Proxies::new(vec![trusted]).client(peer.parse().unwrap(), &headers).to_string()
}

#[test]
fn the_rightmost_address_that_is_no_proxy_is_the_client() {
    for (lines, wanted) in [
        (&["192.0.2.1"][..], "192.0.2.1"),
        (&["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        (&["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        (&["203.0.113.9, 192.0.2.1, 10.0.0.7", "10.9.9.9"], "192.0.2.1"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&["192.0.2.1:4711"], "192.0.2.1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:db8::1]:4711"], "2001:db8::1"),
        (&["::ffff:192.0.2.1"], "192.0.2.1"),
        (&["::ffff:10.0.0.2, 192.0.2.1, ::ffff:10.0.0.2"], "192.0.2.1"),
        (&[], PROXY),
    ] {
        assert_eq!(client("10.0.0.0/8=x-forwarded-for", lines), wanted, "{lines:?}");
    }
}

#[test]
fn forwarded_says_the_same_in_its_own_words() {
    for (lines, wanted) in [
        (&["for=192.0.2.1"][..], "192.0.2.1"),
        (&["For=192.0.2.1;proto=https;by=10.0.0.1"], "192.0.2.1"),
        (&["proto=https ; for=\"192.0.2.1:99\""], "192.0.2.1"),
        (&["for=203.0.113.9, for=\"[2001:db8::1]:99\""], "2001:db8::1"),
        (&["for=203.0.113.9;host=\"a,b;c\"", "for=192.0.2.1, for=10.0.0.2"], "192.0.2.1"),
        (&["for=192.0.2.1;host=\"\\\"\""], "192.0.2.1"),
    ] {
        assert_eq!(client("10.0.0.0/8=Forwarded", lines), wanted, "{lines:?}");
    }
}

#[test]
fn what_cannot_be_read_is_the_proxys_own() {
    for line in [
        "",
        ",",
        "unknown",
        "192.0.2.1,",
        "192.0.2",
        "192.0.2.1:",
        "192.0.2.1:99999",
        "[::1",
        "[::1]x",
        "192.0.2.1:x",
        "fe80::1%eth0",
        "_hidden",
        "for=192.0.2.1",
        "192.0.2.1 192.0.2.2",
    ] {
        assert_eq!(client("10.0.0.0/8=x-forwarded-for", &["203.0.113.9", line]), PROXY, "{line}");
    }
    for line in [
        "",
        "for",
        "for=",
        "for=unknown",
        "for=_x",
        "192.0.2.1",
        "by=192.0.2.1",
        "for=\"192.0.2.1",
        "for=192.0.2.1;for=192.0.2.2",
        "for=[2001:db8::1",
        "for=\"_x, for=192.0.2.1",
        "for=\"192.0.2.\\1\"",
    ] {
        assert_eq!(client("10.0.0.0/8=forwarded", &["for=203.0.113.9", line]), PROXY, "{line}");
    }
    // It counts as that of the proxy next to it.
    let lines = ["203.0.113.9, unknown, 10.0.0.2"];
    assert_eq!(client("10.0.0.0/8=x-forwarded-for", &lines), "10.0.0.2");
}

#[test]
fn who_is_not_trusted_is_who_it_is() {
    for peer in ["192.0.2.7", "::1", "11.0.0.1"] {
        let asked = client_of(peer, "10.0.0.0/8=x-forwarded-for", &["203.0.113.9"]);
        assert_eq!(asked, peer);
    }
    assert_eq!(
        client_of("::ffff:10.1.1.1", "10.0.0.0/8=forwarded", &["for=192.0.2.1"]),
        "192.0.2.1"
    );
    assert_eq!(client_of("fd00::9", "fd00::/8=forwarded", &["for=192.0.2.1"]), "192.0.2.1");
}

#[test]
fn a_list_without_end_is_read_so_far() {
    let line: &'static str = "10.0.0.2, ".repeat(1_000).leak().trim_end_matches(", ");
    assert_eq!(client("10.0.0.0/8=x-forwarded-for", &["192.0.2.1", line]), "10.0.0.2");
}

#[test]
fn a_proxy_is_said_by_network_and_header() {
    let parse = |text: &str| text.parse::<Trusted>();
    for text in ["127.0.0.1=x-forwarded-for", "127.0.0.1/32=X-Forwarded-For", "::1/128=forwarded"] {
        assert!(parse(text).is_ok(), "{text}");
    }
    let text = |it: &str| it.to_owned();
    for (given, error) in [
        ("127.0.0.1", NoProxy::HeaderMissing(text("127.0.0.1"))),
        ("127.0.0.1=via", NoProxy::Header(text("via"))),
        ("localhost=forwarded", NoProxy::Network(text("localhost"))),
        ("10.0.0.0/33=forwarded", NoProxy::Network(text("10.0.0.0/33"))),
        ("10.0.0.1/8=forwarded", NoProxy::Beyond(text("10.0.0.1/8"), text("10.0.0.0/8"))),
        ("0.0.0.0/0=forwarded", NoProxy::Everybody(text("0.0.0.0/0"))),
    ] {
        assert_eq!(parse(given), Err(error), "{given}");
    }
}
