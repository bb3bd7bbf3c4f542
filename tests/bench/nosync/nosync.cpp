// Preloaded by the bench to learn what durability costs: the same program, whose syncs return at once. There is no such
// switch in the programs, so nobody can leave it on.
extern "C" int fsync(int) { return 0; }
extern "C" int fdatasync(int) { return 0; }
