//! The deploy key and signatures, on real servers: kinds of keys, what a key may do, changing it, signed commits.

mod access;
mod canary;
mod https;
mod identity;
mod rotation;
mod scene;
mod signing;
mod verify;
