//! What the present question means, what can go wrong, and which rules are asked.

use ratatui::text::Line;

use crate::{
    ceremony::prompt::{Input, Scene, WordsStand},
    rules::Rule,
    tui::{
        model::{Asking, Model, Screen},
        paint,
    },
};

struct Help {
    means: &'static str,
    can_go_wrong: &'static str,
    rules: &'static [Rule],
}

/// The explanation.
pub fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let help = of(model);
    let mut lines = vec![paint::line("What this means", paint::BOLD)];
    lines.extend(paint::wrap(help.means, width, paint::PLAIN));
    lines.push(paint::gap());
    lines.push(paint::line("What can go wrong", paint::BOLD));
    lines.extend(paint::wrap(help.can_go_wrong, width, paint::PLAIN));
    let mut rules = help.rules.to_vec();
    rules.extend(refused_by(model));
    rules.dedup();
    if !rules.is_empty() {
        lines.push(paint::gap());
        lines.push(paint::line("Rules", paint::BOLD));
        for rule in rules {
            lines.extend(paint::item(rule.name(), paint::WORD, rule.claim(), width, paint::PLAIN));
        }
    }
    lines.push(paint::gap());
    lines.extend(paint::wrap(
        "Words are typed whole, in any case, then Enter. EXCEPTION, VOID, SUBSTITUTE, LEAVE and ABANDON may be typed at any question; F10 lists them.",
        width,
        paint::DIM,
    ));
    lines
}

fn refused_by(model: &Model) -> Option<Rule> {
    match &model.screen {
        Screen::Asking(asking) => asking.refusal.as_ref().map(|refusal| refusal.rule),
        Screen::Blocked(refusal) => Some(refusal.rule),
        _ => None,
    }
}

fn of(model: &Model) -> Help {
    match &model.screen {
        Screen::Asking(asking) => of_question(asking),
        Screen::Secret { .. } => Help {
            means: "The token named above wants this secret for what is under way. It goes from the keyboard into locked memory, to the token, and nowhere else: it is not shown, not recorded, not kept. Only its holder types it, and nobody looks.",
            can_go_wrong: "Each wrong PIN uses up a try, and most tokens lock after a few; many do not tell how many are left. The last try is never spent without a typed confirmation. Esc gives nothing, and costs nothing.",
            rules: &[Rule::PinNotDefault, Rule::PinTriesLeft, Rule::TokenIsExpected],
        },
        Screen::Touch { .. } => Help {
            means: "The token has the reviewed bytes and its PIN, and waits until a finger touches it. It signs these bytes and nothing else. The touch shows that somebody is there; it is no button to confirm with.",
            can_go_wrong: "Nobody touches it in time: nothing was signed, no try is spent, and it is waited for again. Esc leaves: nothing more is sent; what the token has already, it still signs if it is touched before it goes dark.",
            rules: &[Rule::TokenIsExpected, Rule::SignatureVerifies],
        },
        Screen::Working(_) => Help {
            means: "The program does what the record already says it is about to do. When it is done, the record says what came of it.",
            can_go_wrong: "If the power fails now, a resume looks whether it was done before it repeats anything.",
            rules: &[],
        },
        Screen::Blocked(_) => Help {
            means: "A rule said no before anything was begun. The record is as it was.",
            can_go_wrong: "Nothing more. Mend the cause, then type AGAIN.",
            rules: &[],
        },
        Screen::Stopped { .. } => Help {
            means: "The ceremony stopped, and can be resumed from its record. The words commit paper to record: with them a resume notices an older copy.",
            can_go_wrong: "Without these words, and without the bags, nobody can show later that nothing happened in between.",
            rules: &[Rule::HeadOnPaper],
        },
        Screen::Closed { .. } => Help {
            means: "It is over. The record holds everything; the words of its head stand on paper.",
            can_go_wrong: "Nothing any more. Take the media out and bag them.",
            rules: &[Rule::HeadOnPaper, Rule::TranscriptChain],
        },
    }
}

fn of_question(asking: &Asking) -> Help {
    if let Input::NewPersonalWord { .. } = asking.prompt.input {
        return Help {
            means: "Each person sets a word of their own and confirms with it all day, so that nobody can confirm for another. Only a slow salted hash of it is kept.",
            can_go_wrong: "A word that others can guess proves nothing. A forgotten word cannot be read back: then an exception is noted, and a surrogate confirms.",
            rules: &[Rule::PersonalWord, Rule::RollCallComplete],
        };
    }
    match &asking.prompt.scene {
        Scene::Plain { .. } => Help {
            means: "The step's own words stand above, exactly as on paper. Do what they say, then type what is asked for. What you type stands in the record.",
            can_go_wrong: "If what happens differs from what is expected, do not type the word: note an exception (F10), or leave.",
            rules: &[Rule::AnswerFits],
        },
        Scene::Statement { .. } => Help {
            means: "The person named above stands for this sentence, and says so with their own word. Nobody else types it.",
            can_go_wrong: "Do not confirm what you did not see or hear yourself.",
            rules: &[Rule::PersonalWord],
        },
        Scene::WriteDown { .. } => Help {
            means: "A digest is spoken as words, one for each byte, of two and three syllables in turn. The witness writes them on paper; from then on paper and record commit to each other.",
            can_go_wrong: "A word that was misheard shows when it is read back. Spell it, and do not correct paper without initials.",
            rules: &[Rule::HeadOnPaper],
        },
        Scene::ReadBack { stand: WordsStand::OnTheOtherScreen, .. } => Help {
            means: "What crossed as QR codes is what the other screen says, or it is something else: nothing but these words tells. The witness stands there and reads the hidden ones out. The words that are shown are compared too.",
            can_go_wrong: "If a word differs, another screen was in the picture, or the other side sent something else. After a wrong word the codes can be read or shown once more.",
            rules: &[Rule::ParcelReadback, Rule::ParcelIntact],
        },
        Scene::ReadBack { .. } => Help {
            means: "The screen hides some words, so that nobody can confirm by nodding. The witness supplies them from paper, one by one. The words that are shown are compared with the paper too.",
            can_go_wrong: "If a word differs, the machine holds something else than the paper says, or somebody misread. Read it letter by letter; if it still differs, stop.",
            rules: &[Rule::PayloadReadback, Rule::HeadOnPaper, Rule::ScriptDigest],
        },
        Scene::Batch(_) => Help {
            means: "Everything that will be signed in many repositories. What is left out stands first, then the ways in which repositories change, the rarest first. Every repository has a line.",
            can_go_wrong: "A way that only a few repositories have is either what somebody meant or what somebody slipped in. Find out which before anything is signed.",
            rules: &[Rule::DraftIsTheChange, Rule::RepositoryIsOurs, Rule::PayloadReadback],
        },
        Scene::List { .. } => Help {
            means: "A list that is read to its end before anybody answers. It scrolls.",
            can_go_wrong: "Whoever does not know a line says so now. What is decided here stands in the record.",
            rules: &[Rule::TagsJudged],
        },
        Scene::Review(_) => Help {
            means: "Everything that will be signed, in words. Read every line aloud; each officer finds their own key by its keyid. READ is taken only after the last line was in sight.",
            can_go_wrong: "A key, a threshold or a date that nobody expected. Before the threshold is met, VOID gives the payload up and another is drafted.",
            rules: &[Rule::DraftIsTheChange, Rule::ExpiryWindow, Rule::KeyidMatchesKey, Rule::ThresholdLeavesSpare],
        },
        Scene::Handover { .. } => Help {
            means: "The person named above takes the keyboard for one secret. Everybody else steps back and looks away.",
            can_go_wrong: "A keyboard of another layout types other characters. Try a few letters here before you type a PIN.",
            rules: &[Rule::DutySeparated],
        },
        Scene::Swap { .. } => Help {
            means: "Exactly this token is put in, and no other. It is known by its label and serial, never by its slot.",
            can_go_wrong: "With a wrong token nothing is signed and no PIN is asked for: the program names whose token it is.",
            rules: &[Rule::TokenIsExpected, Rule::TokenHoldsNoTrustedKey],
        },
        Scene::PointOfNoReturn { .. } => Help {
            means: "After this word something exists that cannot be taken back. The screen says what leaving costs now and what it costs later.",
            can_go_wrong: "If anybody in the room is not sure, LEAVE costs less now than ever after.",
            rules: &[Rule::PointOfNoReturn, Rule::VersionSignedOnce],
        },
        Scene::Trouble { .. } => Help {
            means: "Something failed, or a rule refused what came of it. The record says so already. Nothing of it counts.",
            can_go_wrong: "Repeating without looking. See to the token or the medium first.",
            rules: &[Rule::PinTriesLeft],
        },
        Scene::Break { .. } => Help {
            means: "A pause. Two people stay in the room, and tokens and paper lie in sight.",
            can_go_wrong: "If the room was empty, note an exception.",
            rules: &[],
        },
        Scene::Stopped { .. } => Help {
            means: "Where everything stands, what to bag, and which words to write down.",
            can_go_wrong: "Without the words a resume cannot notice an older copy.",
            rules: &[Rule::HeadOnPaper],
        },
    }
}
