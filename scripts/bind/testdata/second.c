// What the first library needs: its reference to both is to that of the first.
int both(void) { return 20; }
int second(void) { return 30; }
int (*const taken)(void) = both;
int seen_by_second(void) { return 100 * taken() + second(); }
