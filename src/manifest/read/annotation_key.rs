use crate::manifest::read::helm_alias;
use crate::model::FieldName;

/// The setting that an annotation is for.
pub(crate) enum Setting {
    Automated,
    Locked,
    LockedBy,
    LockedReason,
    Ignore,
    Prune,
    Drift,
    Adopt,
    Recreate,
    IgnoreFields,
    DependsOn,
    Hold,
    RevertOnFailure,
    /// The policy of one image field, or of all (`None`).
    Policy(Option<FieldName>),
    /// The group of one image field, or of all (`None`).
    Group(Option<FieldName>),
    /// The part of a tag that the fields of a group have in common.
    GroupMatch,
    /// A path into the values of a HelmRelease; see [`helm_alias`].
    Image,
    /// A key of `tidegate.dev` that Tidegate does not know.
    Unknown,
}

/// The setting of an annotation's key, and the key's rank; `None` for a key of somebody else.
///
/// A setting can be written in several spellings. The spelling of the highest rank is used: `tidegate.dev/` before
/// `filter.fluxcd.io/` before `fluxcd.io/` before `flux.weave.works/`.
pub(crate) fn setting(key: &str) -> Option<(u8, Setting)> {
    let policy_of = |name: &str| (!name.is_empty()).then(|| Setting::Policy(Some(FieldName(name.to_owned()))));
    if helm_alias::is_alias(key) {
        return Some((0, Setting::Image));
    }
    if let Some(name) = key.strip_prefix("tidegate.dev/") {
        let setting = match name {
            "automated" => Setting::Automated,
            "locked" => Setting::Locked,
            "locked-by" => Setting::LockedBy,
            "locked-reason" => Setting::LockedReason,
            "ignore" => Setting::Ignore,
            "prune" => Setting::Prune,
            "drift" => Setting::Drift,
            "adopt" => Setting::Adopt,
            "recreate" => Setting::Recreate,
            "ignore-fields" => Setting::IgnoreFields,
            "depends-on" => Setting::DependsOn,
            "hold" => Setting::Hold,
            "revert-on-failure" => Setting::RevertOnFailure,
            "policy" => Setting::Policy(None),
            "group" => Setting::Group(None),
            "group.match" => Setting::GroupMatch,
            _ => named(name),
        };
        return Some((3, setting));
    }
    if let Some(name) = key.strip_prefix("filter.fluxcd.io/") {
        return Some((2, policy_of(name)?));
    }
    let (rank, name) = match key.strip_prefix("fluxcd.io/") {
        Some(name) => (1, name),
        None => (0, key.strip_prefix("flux.weave.works/")?),
    };
    let setting = match name {
        "automated" => Setting::Automated,
        "locked" => Setting::Locked,
        "locked_user" => Setting::LockedBy,
        "locked_msg" => Setting::LockedReason,
        "ignore" => Setting::Ignore,
        _ => policy_of(name.strip_prefix("tag.")?)?,
    };
    Some((rank, setting))
}

/// The setting of a key of `tidegate.dev` that ends in the name of an image field.
fn named(key: &str) -> Setting {
    let field = |name: &str| Some(FieldName(name.to_owned()));
    match key.split_once('.') {
        Some(("policy", name)) if !name.is_empty() => Setting::Policy(field(name)),
        Some(("group", name)) if !name.is_empty() => Setting::Group(field(name)),
        _ => Setting::Unknown,
    }
}
