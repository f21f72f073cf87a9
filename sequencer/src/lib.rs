//! Turns what arrives into batches: sequence, apply, link, sign; and replays them. Pure, so that the server and the
//! simulator run the same steps.
