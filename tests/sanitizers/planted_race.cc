// A data race on purpose. Built under ThreadSanitizer only, where the test passes if it is
// reported: the proof that the sanitizer is on and that ignore_noninstrumented_modules does not
// hide our own code. The guarded counter beside it must stay silent.
#include <cstdio>
#include <thread>

#include "base/mutex.h"

namespace {

struct Counters {
  fulcrum::base::Mutex mutex;
  int guarded = 0;
  int unguarded = 0;
};

void Count(Counters* counters) {
  for (int i = 0; i < 100000; ++i) {
    {
      const fulcrum::base::MutexLock lock(&counters->mutex);
      ++counters->guarded;
    }
    if (i % 1000 == 0) ++counters->unguarded;
  }
}

}  // namespace

int main() {
  Counters counters;
  std::thread other(Count, &counters);
  Count(&counters);
  other.join();
  std::printf("%d %d\n", counters.guarded, counters.unguarded);
  return 0;
}
