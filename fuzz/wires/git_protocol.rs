#[path = "../../src/git/protocol/advertisement.rs"]
pub(crate) mod advertisement;
#[path = "../../src/git/protocol/pkt_line.rs"]
pub(crate) mod pkt_line;
#[path = "../../src/git/protocol/push_reply.rs"]
pub(crate) mod push_reply;
