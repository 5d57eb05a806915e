//! What a batch leaves that was given up: its signatures come into the next ceremony as spent where too few had signed, and as signed where a
//! repository has all that it needs. No record of a given-up ceremony lets one version be signed twice.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use ceremony_support::{Room, record};
use dct_support::{ALL, GUNS, Plan, Publisher};
use officiant::{
    ceremony::{
        Pending,
        event::{Event, PreviousCeremony},
        participants::Alias,
        prompt::{Answer, AsideKind, Scene},
    },
    rules::Rule,
    runner::{Ended, previous},
    tuf::RoleName,
};
use peers::notary::{self, Keys};
use support::on_softhsm;

/// What the record of this ceremony tells the next one.
fn tells(room: &Room) -> PreviousCeremony {
    let found = Room::find(&room.place).unwrap_or_else(|error| panic!("{error:?}"));
    let told = previous::of_record(&found, &room.place.join("a"), room.ceremony().script());
    told.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Roots of version 2 that it tells of: how many are spent, and how many are not.
fn roots(told: &PreviousCeremony) -> (usize, usize) {
    let roots = told.signed.iter().filter(|one| one.role == RoleName::Root && one.version == 2);
    let (spent, signed): (Vec<_>, Vec<_>) = roots.partition(|one| one.spent);
    (spent.len(), signed.len())
}

fn beside(room: &mut Room, kind: AsideKind) {
    room.say(Answer::Aside(kind));
    room.say(Answer::Text("we think better of it".into()));
    room.say(Answer::Picked(0));
    let word = room.people.answer(&room.prompt(), officiant::utc::Utc::EPOCH);
    room.say(word);
}

/// Its end, with a record that holds.
fn is_given_up(room: &mut Room) -> String {
    beside(room, AsideKind::Abandon);
    assert_eq!(room.ended(), Some(Ended::Abandoned));
    officiant::perform::record::finish(&room.runner).expect("a manifest");
    record::holds(&room.place.join("a"));
    let account = room.events().find_map(|event| match event {
        Event::Abandoned { account, .. } => Some(account.join("\n")),
        _ => None,
    });
    account.expect("an account")
}

fn asks_after(signed: &str, share: (usize, usize)) -> impl Fn(&Pending, &officiant::ceremony::Ceremony) -> bool {
    let alias: Alias = signed.to_owned().try_into().expect("an alias");
    move |pending, ceremony| {
        !matches!(pending, Pending::Finished(_)) && ceremony.repositories().batch().share_of(&alias) == share
    }
}

#[test]
fn what_one_of_two_signed_and_two_gave_up_is_spent_in_the_next_ceremony() {
    let test = "what_one_of_two_signed_and_two_gave_up_is_spent_in_the_next_ceremony";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let officers = ["ana-1", "bo-1"];
        let plan = publisher.plan("dct-genesis", "new", &GUNS).fresh("ana-1").fresh("bo-1").fresh("tag-1");
        let plan = plan.root(2, &officers).certified(Some(ALL), &officers).tagging(&["tag-1"]);
        let genesis = publisher.holds("genesis", &plan);
        publisher.publishes(&genesis.place);
        let renewal = |folder: &str, days: u32| {
            let plan = publisher.plan("dct-renew", folder, &GUNS).root(2, &officers).days(days);
            officers.iter().fold(plan, |plan, alias| plan.held(alias, &publisher.id(&genesis, alias)))
        };

        // Ana signs all of it. Then it is void, and the ceremony given up.
        let mut room = publisher.begin_after("void", &renewal("at-1", 800), 0, tells(&genesis));
        room.until(asks_after("ana-1", (3, 3)));
        beside(&mut room, AsideKind::Void);
        assert_eq!(room.ceremony().repositories().voided(), 1);
        assert!(room.ceremony().repositories().batch().manifest().is_none());
        is_given_up(&mut room);
        let told = tells(&room);
        assert_eq!(roots(&told), (3, 0), "{told:?}");
        assert_eq!(told.signed.len(), 6, "and the targets of the genesis; roots of version 1 are behind them");

        // The same without the void: giving up is enough.
        let mut room = publisher.begin_after("left", &renewal("at-2", 850), 0, told);
        room.until(asks_after("ana-1", (3, 3)));
        let account = is_given_up(&mut room);
        assert!(account.contains("not enough signed it"), "{account}");
        let told = tells(&room);
        assert_eq!(roots(&told), (6, 0), "what was spent before, too");

        // The next one signs other bytes of the same version, and people hear of what was given up.
        let third = renewal("at-3", 900);
        let mut room = publisher.begin_after("signed", &third, 0, told);
        room.until_scene(|scene| matches!(scene, Scene::Batch(_)));
        assert_eq!(room.ceremony().repositories().left_out().count(), 0);
        let Scene::Batch(sheet) = room.prompt().scene else { panic!("a sheet") };
        let said = sheet.lines().join("\n");
        assert!(said.contains("was signed in a ceremony before and given up"), "{said}");
        publisher.finishes(&mut room);
        publisher.publishes(&room.place);
        for gun in GUNS {
            assert_eq!(publisher.served_json(gun, "root.json")["signed"]["version"], 2);
            assert!(publisher.client("fresh").list(gun).expect("a client").is_empty());
        }
        let told = tells(&room);
        assert_eq!(roots(&told), (6, 3), "all three payloads of each");

        // What was signed by enough is signed once: a collection from before would make another version 2.
        let mut room = publisher.begin_after("again", &third.days(1000), 0, told);
        let refused = loop {
            match room.turn() {
                Ok(()) => {}
                Err(officiant::fault::Error::Refused(refusal)) => break refusal,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(refused.rule, Rule::VersionSignedOnce, "{refused:?}");
    });
}

#[test]
fn a_batch_of_which_a_repository_has_every_signature_is_not_voided_and_given_up_it_is_not_spent() {
    let test = "a_batch_of_which_a_repository_has_every_signature_is_not_voided_and_given_up_it_is_not_spent";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let guns: Vec<String> = (0..66).map(|number| format!("docker.io/example/app-{number:02}")).collect();
        let guns: Vec<&str> = guns.iter().map(String::as_str).collect();
        let plan = publisher.plan("dct-genesis", "new", &guns).fresh("ana-1").fresh("tag-1").root(1, &["ana-1"]);
        let genesis = publisher.holds("genesis", &plan.certified(Some(ALL), &["ana-1"]).tagging(&["tag-1"]));
        publisher.publishes(&genesis.place);
        let renewal = |folder: &str, days: u32| -> Plan {
            let plan = publisher.plan("dct-renew", folder, &guns).root(1, &["ana-1"]).days(days);
            plan.held("ana-1", &publisher.id(&genesis, "ana-1"))
        };
        let mut room = publisher.begin_after("left", &renewal("at-1", 800), 0, tells(&genesis));
        room.until(asks_after("ana-1", (66, 64)));
        // Sixty-four roots have all that they need, and two have nothing.
        assert_eq!(room.ceremony().complete_repositories().0, 64);
        let mut room = publisher.again(room);
        // Nobody knows the PIN any more.
        room.people.pins.remove("ana-1");
        let troubled = |room: &Room| matches!(room.ceremony().pending(), Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. }));
        while !troubled(&room) {
            room.turn().expect("it goes on to the token");
        }
        assert_eq!(room.ceremony().complete_repositories().0, 64);
        assert_eq!(room.refused(&Answer::Aside(AsideKind::Void)), Rule::VersionSignedOnce);
        let account = is_given_up(&mut room);
        assert!(account.contains("enough signed everything of 64 of them"), "{account}");
        let told = tells(&room);
        assert_eq!(roots(&told), (0, 64));

        // Those two go on; the others are listed, since another root of that version would be a second one.
        let mut room = publisher.begin_after("rest", &renewal("at-2", 900), 0, told);
        room.until_scene(|scene| matches!(scene, Scene::Batch(_)));
        let left_out: Vec<_> = room.ceremony().repositories().left_out().map(|(_, refusal)| refusal.rule).collect();
        assert_eq!(left_out, vec![Rule::VersionSignedOnce; 64]);
        publisher.finishes(&mut room);
        publisher.publishes(&room.place);
        assert_eq!(publisher.served_json(guns[65], "root.json")["signed"]["version"], 2);
        assert_eq!(publisher.served_json(guns[0], "root.json")["signed"]["version"], 1);
    });
}
