//! Settlement agent: pays and acknowledges tranches by itself, and checks first.
