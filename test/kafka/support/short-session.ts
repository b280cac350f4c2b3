/**
 * The session of members that are to lose it soon. A broker that TIDEMARK_TEST_KAFKA names allows none below 6 s by
 * default (`group.min.session.timeout.ms`); our own do.
 */
export const shortSessionMs = process.env['TIDEMARK_TEST_KAFKA'] === undefined ? 3_000 : 6_000
