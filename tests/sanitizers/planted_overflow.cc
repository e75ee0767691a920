// A signed overflow ("undefined") or a read past the heap ("address") on purpose. Built under
// AddressSanitizer and UndefinedBehaviorSanitizer only; the tests pass if it is reported.
#include <cstdio>
#include <limits>
#include <memory>
#include <string_view>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int one = argc - 1;
  if (std::string_view(argv[1]) == "undefined") {
    volatile int largest = std::numeric_limits<int>::max();
    std::printf("%d\n", largest + one);
  } else {
    const auto values = std::make_unique<int[]>(4);
    volatile int past = 4;
    std::printf("%d\n", values[past]);
  }
  return 0;
}
