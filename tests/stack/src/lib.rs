//! Real parts and stand-ins for tests, benches and the demo.

pub mod ecr;
