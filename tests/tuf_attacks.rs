//! What somebody who holds too few keys, or a thief of some, can try; each attempt is refused by the rule that is named.

mod tuf_support;

use officiant::{
    digest::to_hex,
    rules::Rule,
    tuf::{
        Dialect, RoleName, Root, Signature, Untrusted,
        canonical::canonical,
        first_root, next_root,
        walk::{Files, walk},
    },
};
use serde_json::json;
use tuf_support::{NOW, Signer, at, online, root, signed, signed_value, value};

/// Three officers, of whom two must sign, and a thief.
struct Cast {
    ana: Signer,
    bo: Signer,
    cai: Signer,
    thief: Signer,
}

fn cast() -> Cast {
    Cast { ana: Signer::p256(1), bo: Signer::ed25519(2), cai: Signer::p384(3), thief: Signer::p256(66) }
}

impl Cast {
    fn root(&self, version: u64) -> Root {
        root(version, 2, &[&self.ana, &self.bo, &self.cai])
    }

    fn trusted(&self) -> Vec<u8> {
        signed(&self.root(1), &[&self.ana, &self.bo])
    }

    /// The rule that refuses `bytes` as root 2.
    fn refusal(&self, bytes: &[u8]) -> Option<Rule> {
        let trusted = first_root(parse(&self.trusted())).expect("root 1");
        let verdict = Untrusted::parse(Dialect::Tuf1, bytes).and_then(|root| next_root(&trusted, root));
        verdict.err().map(|refusal| refusal.rule)
    }

    /// The rule that refuses root 2 after `spoil`, signed by all three.
    fn spoilt(&self, spoil: impl Fn(&mut serde_json::Value)) -> Option<Rule> {
        let mut signed = value(&self.root(2));
        spoil(&mut signed);
        self.refusal(&signed_value(&signed, &[&self.ana, &self.bo, &self.cai]))
    }
}

fn parse(bytes: &[u8]) -> Untrusted<Root> {
    Untrusted::parse(Dialect::Tuf1, bytes).expect("a root")
}

/// `bytes` with its list of signatures changed.
fn resigned(bytes: &[u8], change: impl Fn(&mut Vec<serde_json::Value>)) -> Vec<u8> {
    let mut document: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
    change(document["signatures"].as_array_mut().expect("signatures"));
    document.to_string().into_bytes()
}

mod honest {
    use super::*;

    #[test]
    fn two_of_three_is_enough_and_strangers_do_no_harm() {
        let cast = cast();
        assert_eq!(cast.refusal(&signed(&cast.root(2), &[&cast.ana, &cast.bo])), None);
        assert_eq!(cast.refusal(&signed(&cast.root(2), &[&cast.thief, &cast.cai, &cast.ana])), None);
        assert_eq!(cast.spoilt(|signed| signed["x-unknown"] = json!({"deep": [1, null]})), None);
        let awaited = resigned(&signed(&cast.root(2), &[&cast.ana, &cast.bo]), |signatures| {
            signatures.push(json!({"keyid": super::cast().cai.id().as_str(), "sig": ""}));
        });
        assert_eq!(cast.refusal(&awaited), None);
    }

    #[test]
    fn a_key_is_replaced_by_old_and_new_signers_together() {
        let cast = cast();
        let (dan, new) =
            (Signer::p256(4), |version| root(version, 2, &[&super::cast().bo, &super::cast().cai, &Signer::p256(4)]));
        assert_eq!(cast.refusal(&signed(&new(2), &[&cast.ana, &cast.bo, &dan])), None);
        assert_eq!(cast.refusal(&signed(&new(2), &[&cast.bo, &cast.cai])), None);
    }
}

mod too_few_signatures {
    use super::*;

    #[test]
    fn unmet_threshold() {
        let cast = cast();
        assert_eq!(cast.refusal(&signed(&cast.root(2), &[&cast.ana])), Some(Rule::RootTallyOld));
        assert_eq!(cast.refusal(&signed(&cast.root(2), &[])), Some(Rule::RootTallyOld));
        assert_eq!(cast.refusal(&signed(&cast.root(2), &[&cast.ana, &cast.thief])), Some(Rule::RootTallyOld));
        let first = first_root(parse(&signed(&cast.root(1), &[&cast.ana])));
        assert_eq!(first.expect_err("one of two").rule, Rule::RootTallyNew);
    }

    #[test]
    fn signed_by_the_new_keys_only() {
        let (cast, dan, eve) = (cast(), Signer::p256(4), Signer::p256(5));
        let bytes = signed(&root(2, 2, &[&dan, &eve, &cast.ana]), &[&dan, &eve, &cast.ana]);
        assert_eq!(cast.refusal(&bytes), Some(Rule::RootTallyOld));
    }

    #[test]
    fn signed_by_the_old_keys_only() {
        let (cast, dan, eve) = (cast(), Signer::p256(4), Signer::p256(5));
        let bytes = signed(&root(2, 2, &[&dan, &eve, &cast.ana]), &[&cast.ana, &cast.bo, &cast.cai]);
        assert_eq!(cast.refusal(&bytes), Some(Rule::RootTallyNew));
    }

    #[test]
    fn a_new_root_that_lowers_its_own_threshold() {
        let cast = cast();
        let bytes = signed(&root(2, 1, &[&cast.ana]), &[&cast.ana]);
        assert_eq!(cast.refusal(&bytes), Some(Rule::RootTallyOld));
    }

    #[test]
    fn a_threshold_that_its_keys_can_never_meet() {
        let cast = cast();
        let bytes = signed(&root(2, 4, &[&cast.ana, &cast.bo, &cast.cai]), &[&cast.ana, &cast.bo, &cast.cai]);
        assert_eq!(cast.refusal(&bytes), Some(Rule::ThresholdReachable));
    }

    #[test]
    fn a_threshold_of_a_very_large_number() {
        assert_eq!(
            cast().spoilt(|signed| signed["roles"]["root"]["threshold"] = json!(u64::MAX)),
            Some(Rule::ThresholdReachable)
        );
    }
}

mod one_signature_counted_twice {
    use super::*;

    #[test]
    fn one_key_under_two_keyids() {
        let cast = cast();
        let mut new = cast.root(2);
        let mut twin = cast.ana.key().to_value();
        if let officiant::tuf::json::Value::Object(members) = &mut twin {
            members.insert("x-again".into(), true.into());
        }
        let twin = officiant::tuf::Key::from_value(twin).expect("a key");
        assert_eq!(twin.public(), cast.ana.key().public());
        let role = new.roles.get_mut(&RoleName::Root).expect("a root role");
        role.keyids = vec![cast.ana.id(), twin.id()];
        new.keys.insert(twin.id(), twin.clone());
        let bytes = Dialect::Tuf1.signed_bytes(&new);
        let ana = cast.ana.signature(&bytes);
        let signatures = [ana.clone(), Signature::new(twin.id(), ana.sig), cast.bo.signature(&bytes)];
        assert_eq!(cast.refusal(&Dialect::Tuf1.envelope(&bytes, &signatures)), Some(Rule::KeyCountedOnce));
        // The same in a first root, by two different signatures.
        assert_eq!(
            first_root(parse(&Dialect::Tuf1.envelope(&bytes, &signatures))).expect_err("one key").rule,
            Rule::KeyCountedOnce
        );
    }

    #[test]
    fn one_key_as_pem_and_as_hexadecimal_point() {
        let cast = cast();
        let refusal = cast.spoilt(|signed| {
            let Signer::P256(key) = &super::cast().ana else { unreachable!("Ana has P-256") };
            let point = to_hex(&key.verifying_key().to_sec1_bytes());
            let twin =
                json!({"keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": point}});
            signed["keys"]["aa"] = twin;
            signed["roles"]["root"]["keyids"] = json!([super::cast().ana.id().as_str(), "aa"]);
        });
        // Nobody signed as `aa` here, and even all others together leave one key.
        assert_eq!(refusal, Some(Rule::ThresholdReachable));
    }

    #[test]
    fn duplicate_signature() {
        let cast = cast();
        let twice = resigned(&signed(&cast.root(2), &[&cast.ana]), |signatures| signatures.push(signatures[0].clone()));
        assert_eq!(cast.refusal(&twice), Some(Rule::SignaturesDistinct));
        let enough = resigned(&signed(&cast.root(2), &[&cast.ana, &cast.bo]), |signatures| {
            signatures.push(signatures[0].clone())
        });
        assert_eq!(cast.refusal(&enough), Some(Rule::SignaturesDistinct));
    }

    #[test]
    fn one_signature_under_the_keyid_of_another() {
        let cast = cast();
        let lent = resigned(&signed(&cast.root(2), &[&cast.ana]), |signatures| {
            signatures.push(json!({"keyid": super::cast().bo.id().as_str(), "sig": signatures[0]["sig"]}));
        });
        assert_eq!(cast.refusal(&lent), Some(Rule::RootTallyOld));
    }

    #[test]
    fn a_role_that_lists_a_keyid_twice() {
        let refusal = cast().spoilt(|signed| {
            let ana = signed["roles"]["root"]["keyids"][0].clone();
            signed["roles"]["root"]["keyids"] = json!([ana, ana]);
        });
        assert_eq!(refusal, Some(Rule::MetadataWellFormed));
    }
}

mod signatures_that_are_none {
    use super::*;

    fn with_sig(sig: impl Fn(&Cast, &[u8]) -> String) -> Option<Rule> {
        let cast = cast();
        let bytes = Dialect::Tuf1.signed_bytes(&cast.root(2));
        let bad = sig(&cast, &bytes);
        cast.refusal(&Dialect::Tuf1.envelope(&bytes, &[cast.bo.signature(&bytes), Signature::new(cast.ana.id(), bad)]))
    }

    #[test]
    fn over_other_bytes() {
        assert_eq!(with_sig(|cast, _| cast.ana.signature(b"other").sig), Some(Rule::RootTallyOld));
        let cast = cast();
        let spoilt = String::from_utf8(signed(&cast.root(2), &[&cast.ana, &cast.bo]))
            .expect("text")
            .replace("2027-11-22", "2037-11-22");
        assert_eq!(cast.refusal(spoilt.as_bytes()), Some(Rule::RootTallyOld));
    }

    #[test]
    fn empty() {
        assert_eq!(with_sig(|_, _| String::new()), Some(Rule::RootTallyOld));
    }

    #[test]
    fn raw_instead_of_der() {
        assert_eq!(with_sig(|cast, bytes| to_hex(cast.ana.sign(bytes).as_bytes())), Some(Rule::RootTallyOld));
    }

    #[test]
    fn with_something_after_it_or_around_it() {
        assert_eq!(with_sig(|cast, bytes| cast.ana.signature(bytes).sig + "00"), Some(Rule::RootTallyOld));
        assert_eq!(with_sig(|cast, bytes| format!(" {}", cast.ana.signature(bytes).sig)), Some(Rule::RootTallyOld));
        assert_eq!(with_sig(|cast, bytes| format!("0x{}", cast.ana.signature(bytes).sig)), Some(Rule::RootTallyOld));
    }

    #[test]
    fn of_zeros() {
        assert_eq!(with_sig(|_, _| "3006020100020100".into()), Some(Rule::RootTallyOld));
        assert_eq!(with_sig(|_, _| "00".repeat(64)), Some(Rule::RootTallyOld));
    }

    #[test]
    fn by_an_ed25519_key_of_small_order_that_signs_everything() {
        // The neutral element as a key: with it, R = sB makes a signature of any message for any s.
        let weak =
            json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": format!("01{}", "00".repeat(31))}});
        let weak = officiant::tuf::Key::from_value(serde_json::from_value(weak).expect("JSON")).expect("a key");
        let mut new = root(1, 1, &[]);
        new.roles.get_mut(&RoleName::Root).expect("a root role").keyids = vec![weak.id()];
        new.keys.insert(weak.id(), weak.clone());
        let bytes = Dialect::Tuf1.signed_bytes(&new);
        let forged = format!("01{}{}", "00".repeat(31), "00".repeat(32));
        let refusal = first_root(parse(&Dialect::Tuf1.envelope(&bytes, &[Signature::new(weak.id(), forged)])))
            .expect_err("a forgery");
        assert_eq!(refusal.rule, Rule::RootTallyNew);
    }
}

mod keys_that_are_others {
    use super::*;

    #[test]
    fn the_keyid_of_an_officer_over_the_key_of_a_thief() {
        let cast = cast();
        let mut new = cast.root(2);
        new.keys.insert(cast.ana.id(), cast.thief.key());
        let bytes = Dialect::Tuf1.signed_bytes(&new);
        let forged = Signature::new(cast.ana.id(), cast.thief.signature(&bytes).sig);
        assert_eq!(
            cast.refusal(&Dialect::Tuf1.envelope(&bytes, &[forged, cast.bo.signature(&bytes)])),
            Some(Rule::RootTallyOld)
        );
    }

    #[test]
    fn a_curve_other_than_the_scheme_says() {
        let refusal = cast().spoilt(|signed| {
            let keyid = super::cast().ana.id();
            signed["keys"][keyid.as_str()]["scheme"] = json!("ecdsa-sha2-nistp384");
            signed["roles"]["root"]["keyids"] = json!([keyid.as_str(), super::cast().bo.id().as_str()]);
        });
        assert_eq!(refusal, Some(Rule::RootTallyNew));
    }

    #[test]
    fn keys_that_a_role_names_and_nobody_gives() {
        let refusal = cast().spoilt(|signed| {
            let keys = signed["keys"].as_object_mut().expect("keys");
            keys.remove(super::cast().ana.id().as_str());
            keys.remove(super::cast().cai.id().as_str());
        });
        assert_eq!(refusal, Some(Rule::ThresholdReachable));
    }

    #[test]
    fn the_online_key_signs_a_root() {
        let cast = cast();
        assert_eq!(cast.refusal(&signed(&cast.root(2), &[&online(), &cast.ana])), Some(Rule::RootTallyOld));
    }
}

mod versions {
    use super::*;

    fn version(version: u64) -> Option<Rule> {
        let cast = cast();
        cast.refusal(&signed(&cast.root(version), &[&cast.ana, &cast.bo]))
    }

    #[test]
    fn skipped() {
        assert_eq!(version(3), Some(Rule::RootVersionStep));
        assert_eq!(version(u64::MAX), Some(Rule::RootVersionStep));
    }

    #[test]
    fn repeated() {
        assert_eq!(version(1), Some(Rule::RootVersionStep));
    }

    #[test]
    fn zero_negative_text_or_fraction() {
        for bad in [json!(0), json!(-1), json!("2"), json!(null), json!([2])] {
            assert_eq!(
                cast().spoilt(|signed| signed["version"] = bad.clone()),
                Some(Rule::MetadataWellFormed),
                "{bad}"
            );
        }
        let text = String::from_utf8(cast().trusted()).expect("text").replace("\"version\":1", "\"version\":1.0");
        assert_eq!(cast().refusal(text.as_bytes()), Some(Rule::MetadataWellFormed));
    }

    #[test]
    fn the_last_version_there_is() {
        let cast = cast();
        let last = signed(&cast.root(u64::MAX), &[&cast.ana, &cast.bo]);
        let trusted = first_root(parse(&last)).expect("a root");
        assert_eq!(next_root(&trusted, parse(&last)).expect_err("no next").rule, Rule::RootVersionStep);
        let files = Files::from([("0.root.json".into(), cast.trusted())]);
        assert_eq!(walk(Dialect::Tuf1, &last, &files, at(NOW)).root_version, u64::MAX);
    }
}

mod documents {
    use super::*;

    fn text(change: impl Fn(String) -> String) -> Option<Rule> {
        let cast = cast();
        let bytes = signed(&cast.root(2), &[&cast.ana, &cast.bo]);
        cast.refusal(change(String::from_utf8(bytes).expect("text")).as_bytes())
    }

    #[test]
    fn wrong_type() {
        for bad in ["Root", "targets", "ROOT", ""] {
            assert_eq!(cast().spoilt(|signed| signed["_type"] = json!(bad)), Some(Rule::MetadataWellFormed), "{bad}");
        }
    }

    #[test]
    fn duplicate_json_member() {
        assert_eq!(text(|t| t.replace("\"version\":2", "\"version\":2,\"version\":2")), Some(Rule::MetadataWellFormed));
        assert_eq!(
            text(|t| t.replace("{\"signatures\"", "{\"signed\":{},\"signatures\"")),
            Some(Rule::MetadataWellFormed)
        );
    }

    #[test]
    fn something_before_or_after_it() {
        assert_eq!(text(|t| t + "{}"), Some(Rule::MetadataWellFormed));
        assert_eq!(text(|t| format!("\u{feff}{t}")), Some(Rule::MetadataWellFormed));
        assert_eq!(text(|t| format!("\n {t}\n")), None, "space is no content");
    }

    #[test]
    fn too_long_or_too_deep() {
        assert_eq!(text(|t| t + &" ".repeat(8 << 20)), Some(Rule::MetadataWellFormed));
        let deep = |depth: usize| json_text(depth);
        assert_eq!(
            text(|t| t.replace("\"version\":2", &format!("\"version\":2,\"x\":{}", deep(20000)))),
            Some(Rule::MetadataWellFormed)
        );
    }

    fn json_text(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn no_specification_or_another() {
        for bad in [json!("2.0.0"), json!("1"), json!("1.0.0.0"), json!("1.x"), json!(" 1.0"), json!("")] {
            assert_eq!(
                cast().spoilt(|signed| signed["spec_version"] = bad.clone()),
                Some(Rule::SpecVersionKnown),
                "{bad}"
            );
        }
        let absent = cast().spoilt(|signed| drop(signed.as_object_mut().expect("an object").remove("spec_version")));
        assert_eq!(absent, Some(Rule::SpecVersionKnown));
        assert_eq!(cast().spoilt(|signed| signed["spec_version"] = json!(1)), Some(Rule::MetadataWellFormed));
    }

    #[test]
    fn a_member_that_every_root_has_is_missing() {
        for name in ["_type", "version", "expires", "keys", "roles"] {
            let refusal = cast().spoilt(|signed| drop(signed.as_object_mut().expect("an object").remove(name)));
            assert_eq!(refusal, Some(Rule::MetadataWellFormed), "{name}");
        }
        for role in ["root", "targets", "snapshot", "timestamp"] {
            let refusal = cast().spoilt(|signed| drop(signed["roles"].as_object_mut().expect("roles").remove(role)));
            assert_eq!(refusal, Some(Rule::MetadataWellFormed), "{role}");
        }
    }

    #[test]
    fn threshold_zero_or_no_number() {
        for bad in [json!(0), json!(-2), json!("2"), json!(true)] {
            assert_eq!(
                cast().spoilt(|signed| signed["roles"]["root"]["threshold"] = bad.clone()),
                Some(Rule::MetadataWellFormed),
                "{bad}"
            );
        }
    }

    #[test]
    fn no_instant() {
        for bad in [
            json!("never"),
            json!("2027-02-30T00:00:00Z"),
            json!("2027-01-01T00:00:00"),
            json!(1),
            json!("10000-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                cast().spoilt(|signed| signed["expires"] = bad.clone()),
                Some(Rule::MetadataWellFormed),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_key_without_what_every_key_has() {
        for bad in [
            json!(null),
            json!({}),
            json!({"keytype": "x", "scheme": "y"}),
            json!({"keytype": 1, "scheme": "y", "keyval": {}}),
        ] {
            assert_eq!(
                cast().spoilt(|signed| signed["keys"]["aa"] = bad.clone()),
                Some(Rule::MetadataWellFormed),
                "{bad}"
            );
        }
        let unknown = json!({"keytype": "ml-dsa", "scheme": "ml-dsa-65", "keyval": {"public": "…"}});
        assert_eq!(cast().spoilt(|signed| signed["keys"]["aa"] = unknown.clone()), None, "unknown kinds are carried");
    }
}

#[test]
fn every_document_is_verified_over_its_bytes_as_received() {
    // Members out of order, with space, with an unknown one: the signature is over the canonical form of just that.
    let cast = cast();
    let mut two = value(&cast.root(2));
    two["zz"] = json!({"b": 1, "a": "\n\"\\é"});
    let pretty: serde_json::Value = serde_json::from_slice(&signed_value(&two, &[&cast.ana, &cast.bo])).expect("JSON");
    let pretty = serde_json::to_string_pretty(&pretty).expect("JSON");
    assert_eq!(cast.refusal(pretty.as_bytes()), None);
    let received = parse(pretty.as_bytes());
    assert_eq!(received.bytes(), pretty.as_bytes());
    assert_eq!(canonical(&serde_json::from_value(two).expect("strict JSON")), received.signed());
}
