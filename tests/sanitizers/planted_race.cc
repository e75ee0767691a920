// A data race on purpose. Built under ThreadSanitizer only, where the test passes if it is
// reported: the proof that the sanitizer is on and that ignore_noninstrumented_modules does not
// hide our own code. The guarded counter beside it stays silent.
#include <cstdio>
#include <memory>
#include <thread>

#include "base/mutex.h"

namespace {

struct Counters {
  fulcrum::base::Mutex mutex;
  int guarded = 0;
  int unguarded = 0;
};

void Count(Counters* counters) {
  for (int i = 0; i < 1000; ++i) ++counters->unguarded;  // no lock in between: it would order them
  for (int i = 0; i < 1000; ++i) {
    const fulcrum::base::MutexLock lock(&counters->mutex);
    ++counters->guarded;
  }
}

}  // namespace

int main() {
  const auto counters = std::make_unique<Counters>();
  std::thread one(Count, counters.get());
  std::thread other(Count, counters.get());
  one.join();
  other.join();
  std::printf("%d %d\n", counters->guarded, counters->unguarded);
  return 0;
}
