// Read before everything else in a TSan build. Where GCC's own macro is set, protobuf's map_field.h gives a class a member
// more than Debian's library knows of, and both read past each other.
#undef __SANITIZE_THREAD__
#define FANOUT_THREAD_SANITIZER
