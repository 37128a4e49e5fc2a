/** The load generator brings no types. */
declare module 'autocannon';
