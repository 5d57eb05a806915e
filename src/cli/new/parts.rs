//! Parts that every script has, as text: people, modules, tokens, keys from outside.

use super::{
    plan::{KeyPlan, PersonPlan, Plan, Proof, TokenPlan},
    toml::{Text, list},
};
use crate::device::yubikey::NATIVE;

pub(super) fn people(person: &PersonPlan, text: &mut Text) {
    if person.stands_in_for.is_some() {
        text.comment("Called only if the one they stand in for is absent.");
    }
    text.line("[[people]]");
    text.field("id", &person.id);
    text.field("name", &person.name);
    text.line(&format!("duties = {}", list(&person.duties.iter().map(|duty| duty.word()).collect::<Vec<_>>())));
    if let Some(principal) = &person.stands_in_for {
        text.field("stands-in-for", principal);
    }
    text.blank();
}

pub(super) fn module(plan: &Plan, text: &mut Text) {
    let native = plan.module.path.starts_with(NATIVE);
    text.comment(if native {
        "YubiKeys, driven by the program itself. Behind the colon stands how keys are made, where that is not the usual: ?slot=9a&pin-policy=once&touch-policy=cached."
    } else {
        "The PKCS#11 module. Production needs the SHA-256 of its file and the model that its tokens report, as officiant token list shows them."
    });
    text.line("[[module]]");
    text.field("name", module_name(plan));
    text.field("path", &plan.module.path);
    match &plan.module.sha256 {
        Some(sha256) => text.field("sha256", &sha256.to_string()),
        None if native => {}
        None => text.line("# sha256 = \"…\""),
    }
    match &plan.module.model {
        Some(model) => text.field("model", model),
        None if native => {}
        None => text.line("# model = \"…\""),
    }
    text.blank();
}

fn module_name(plan: &Plan) -> &'static str {
    if plan.module.path.starts_with(NATIVE) { "yubikeys" } else { "hsm" }
}

pub(super) fn one_token(plan: &Plan, token: &TokenPlan, text: &mut Text) {
    if let Some(principal) = &token.spare_for {
        text.comment(&format!(
            "A blank spare in the kit. It takes the place of {principal} by SUBSTITUTE at any prompt."
        ));
    }
    if let Some(says) = token.says {
        text.comment(says);
    }
    text.line("[[token]]");
    text.field("alias", &token.alias);
    text.field("holder", &token.holder);
    text.field("tag", &token.tag);
    text.field("module", module_name(plan));
    if let Some((label, serial)) = &token.known {
        if !label.is_empty() {
            text.field("label", label);
        }
        text.field("serial", serial);
    }
    if let Some(keyid) = &token.keyid {
        text.field("keyid", keyid);
    }
    if let Some(principal) = &token.spare_for {
        text.field("spare-for", principal);
    }
    if token.user_pin != token.holder {
        text.field("user-pin", &token.user_pin);
    }
    text.field("so-pin", &token.so_pin);
    text.blank();
}

/// A key from outside.
pub(super) fn key(key: &KeyPlan, text: &mut Text) {
    text.line("[[key]]");
    text.field("name", &key.name);
    text.field("owner", &key.owner);
    text.field("file", &key.file);
    text.field("keyid", &key.keyid);
    match &key.proof {
        Proof::Statement(file) => text.field("possession", file),
        Proof::Server => text.line("held-by-server = true"),
        Proof::Token(alias) => text.field("held-by-token", alias),
    }
    text.blank();
}
