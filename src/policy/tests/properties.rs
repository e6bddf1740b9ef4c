use super::image_policies::image_policy;
use super::*;
use proptest::prelude::*;

fn any_tag() -> impl Strategy<Value = String> {
    prop_oneof![
        "v?[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-(rc|0)\\.?[1-9]?)?",
        "[0-9a-f]{7}",
        "(main|dev)-[0-9]{1,3}",
        Just("latest".to_owned()),
        "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,10}",
    ]
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    (any_tag(), proptest::option::of(0i64..4), proptest::option::of(0u8..4)).prop_map(|(name, minute, image)| {
        Candidate {
            tag: tag(&name),
            digest: image.map(|image| Digest::parse(&format!("sha256:{image:064}")).unwrap()),
            pushed_at: minute.map(|minute| Timestamp::from_second(minute * 60).unwrap()),
            media_type: None,
            pullable: true,
            unfit: None,
        }
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop::sample::select(vec![
        "*",
        "main-*",
        "regex:[0-9]",
        "semver:*",
        "semver:>=1-0",
        "numeric:(\\d+)",
        "alphabetical:^(..)",
        "digest:latest",
        "policy: {semver: {range: '*'}}",
        "policy: {numerical: {order: desc}}\nfilterTags: {pattern: '(\\d+)', extract: $1}",
        "policy: {alphabetical: {order: desc}}\ndigestReflectionPolicy: Always",
    ])
    .prop_map(|text| Policy::parse(text).or_else(|_| image_policy(text)).unwrap())
}

fn any_listing() -> impl Strategy<Value = Vec<Candidate>> {
    prop::collection::vec(any_candidate(), 0..12).prop_map(|mut listing| {
        listing.sort_by(|a, b| a.tag.cmp(&b.tag));
        listing.dedup_by(|a, b| a.tag == b.tag);
        listing
    })
}

proptest! {
    #[test]
    fn the_order_is_total(policy in any_policy(), listing in any_listing()) {
        use crate::policy::order::Ranked;
        let ranked: Vec<Ranked<'_>> = listing.iter().map(|c| Ranked::new(&policy, c)).collect();
        for a in &ranked {
            for b in &ranked {
                prop_assert_eq!(a.order(b), b.order(a).reverse());
                prop_assert_eq!(a.order(b).is_eq(), a.candidate.tag == b.candidate.tag);
                for c in &ranked {
                    if a.order(b).is_lt() && b.order(c).is_lt() {
                        prop_assert!(a.order(c).is_lt());
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_listing_does_not_matter(
        policy in any_policy(),
        (listing, shuffled) in any_listing().prop_flat_map(|l| (Just(l.clone()), Just(l).prop_shuffle())),
        current in any_tag(),
    ) {
        let current = tag(&current);
        let ask = |listing: &[Candidate]| select(&Question::new(&policy, Some(&current), listing));
        prop_assert_eq!(ask(&listing), ask(&shuffled));
    }

    #[test]
    fn the_choice_is_what_the_verdicts_about_all_tags_say(
        policy in any_policy(),
        listing in any_listing(),
        current in proptest::option::of(any_tag()),
        image in proptest::option::of(0u8..4),
        minute in proptest::option::of(0i64..4),
        is_renamed in any::<bool>(),
        held in 0u8..4,
    ) {
        let current = current.as_deref().map(tag);
        let digest = image.map(|image| Digest::parse(&format!("sha256:{image:064}")).unwrap());
        let free = |candidate: &Candidate| match candidate.tag.as_str().bytes().map(u32::from).sum::<u32>() % 4 {
            sum if sum < u32::from(held) => Err("held".to_owned()),
            _ => Ok(()),
        };
        let question = Question {
            digest: digest.as_ref(),
            current_since: minute.map(|minute| Timestamp::from_second(minute * 60).unwrap()),
            is_renamed,
            free: &free,
            ..Question::new(&policy, current.as_ref(), &listing)
        };
        let (chosen, selection) = (choose(&question), select(&question));
        let first = |is: &dyn Fn(&Verdict) -> bool| selection.verdicts.iter().find(|verdict| is(verdict));
        let tag_of = |verdict: Option<&Verdict>| verdict.map(|verdict| verdict.tag.clone());
        prop_assert_eq!(chosen.selected.as_ref().map(|choice| choice.tag.clone()), tag_of(first(&|v| v.eligible)));
        let matches = |verdict: &Verdict| match verdict.eligibility {
            Eligibility::Unmatched | Eligibility::Excluded | Eligibility::Unusable => false,
            Eligibility::Current => policy.admits(&verdict.tag).is_ok(),
            _ => true,
        };
        prop_assert_eq!(&chosen.newest, &tag_of(first(&matches)));
        let held = first(&|v| v.eligibility == Eligibility::Held);
        let unordered = first(&|v| v.eligibility == Eligibility::Unordered);
        prop_assert_eq!((chosen.is_held, chosen.is_unordered), (held.is_some(), unordered.is_some()));
        let said = chosen.selected.is_none().then_some(held.or(unordered)).flatten();
        if let Some(said) = said {
            prop_assert!(chosen.reason.contains(said.tag.as_str()) && chosen.reason.contains(&said.reason));
        }
        let other_since = Question { current_since: Some(Timestamp::MIN), ..question };
        prop_assert!(chosen.rests_on_since || choose(&other_since) == chosen);
    }

    #[test]
    fn moving_never_leads_back(policy in any_policy(), listing in any_listing(), start in any::<prop::sample::Index>()) {
        prop_assume!(!listing.is_empty());
        let first = start.get(&listing).tag.clone();
        let once = select(&Question::new(&policy, Some(&first), &listing));
        if let Some(choice) = once.selected {
            let digest = choice.digest.as_ref().filter(|_| policy.digests() != Digests::Never);
            let twice = select(&Question { digest, ..Question::new(&policy, Some(&choice.tag), &listing) });
            prop_assert!(twice.verdicts.iter().all(|v| !(v.eligible && v.tag == first)), "{} -> {}", first, choice.tag);
        }
    }

    #[test]
    fn a_tag_that_is_kept_out_never_changes_the_choice(
        policy in any_policy(), listing in any_listing(), extra in any_candidate(), current in any_tag(),
    ) {
        prop_assume!(listing.iter().all(|c| c.tag != extra.tag) && extra.tag.as_str() != current);
        let current = tag(&current);
        let without = select(&Question::new(&policy, Some(&current), &listing));
        let mut with = listing.clone();
        with.push(extra.clone());
        let included = |tag: &Tag| if *tag == extra.tag { Err("kept out".to_owned()) } else { Ok(()) };
        let with = select(&Question { included: &included, ..Question::new(&policy, Some(&current), &with) });
        prop_assert_eq!(without.selected, with.selected);
    }

    #[test]
    fn any_text_is_a_policy_or_a_refusal(text in "\\PC{0,40}", name in any_tag()) {
        if let Ok(policy) = Policy::parse(&text) {
            let _ = policy.admits(&tag(&name));
            prop_assert_eq!(Policy::parse(&policy.to_string()), Ok(policy));
        }
    }

    #[test]
    fn a_glob_agrees_with_the_same_regex(glob in "[ab*?]{1,8}", name in "[ab]{1,10}") {
        let regex = format!("^{}$", glob.replace('*', ".*").replace('?', "."));
        let by_regex = regex::Regex::new(&regex).unwrap().is_match(&name);
        prop_assert_eq!(crate::policy::glob::TagGlob::parse(&glob).unwrap().matches(&name), by_regex);
    }
}
