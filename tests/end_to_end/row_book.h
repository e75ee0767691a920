// Rows counted once more from the log, by what was shown, when and to whom: as somebody would who
// reads the bundle and shares no code with the service. Windows of UTC; moving spans to the
// microsecond, without steps.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace fulcrum::testing {

struct BookRow {
  std::string id;
  std::map<std::string, int64_t> amounts;  // by action
  int64_t limit = 0;
  absl::Duration window = absl::InfiniteDuration();  // its length; infinite: total
  bool moves = false;                                // with the clock
  bool per_user = false;
  bool soft = false;

  int64_t AmountOf(const std::string& action) const {
    const auto found = amounts.find(action);
    return found == amounts.end() ? 0 : found->second;
  }
};

// Not thread-safe.
class RowBook {
 public:
  explicit RowBook(std::vector<BookRow> rows) : rows_(std::move(rows)) {}

  const std::vector<BookRow>& rows() const { return rows_; }

  // An exposure, in the order of the log. One for which soft rows were given up (`relaxed`) is no
  // part of what they allowed, and may be logged before some of that.
  void Add(const std::string& action, absl::Time time, const std::string& user, bool relaxed) {
    for (const BookRow& row : rows_) {
      const int64_t amount = row.AmountOf(action);
      if (amount == 0 || (row.soft && relaxed)) continue;
      Spends& spends = books_[KeyOf(row, time, user)];
      spends[time] += amount;
      const int64_t most = MostOf(row, spends, time);
      if (most > row.limit) {
        violations_.push_back(absl::StrCat(row.id, ": ", most, " of ", row.limit, " at ",
                                           absl::FormatTime(time, absl::UTCTimeZone())));
      }
    }
  }

  // The hard row that has no room for an action, if there is one. A moving span may count what left
  // it a 32nd of its length ago, and all that is later.
  std::optional<std::string> FullFor(const std::string& action, absl::Time time,
                                     const std::string& user) const {
    for (const BookRow& row : rows_) {
      const int64_t amount = row.AmountOf(action);
      if (amount == 0 || row.soft) continue;
      const auto book = books_.find(KeyOf(row, time, user));
      if (book == books_.end()) continue;
      const absl::Time from =
          row.moves ? time - row.window - row.window / 32 : absl::InfinitePast();
      if (SumBetween(book->second, from, absl::InfiniteFuture()) + amount > row.limit) {
        return row.id;
      }
    }
    return std::nullopt;
  }

  const std::vector<std::string>& violations() const { return violations_; }

  // Windows of a row, and the users of one per user, in which it was used to `share` of its limit.
  size_t WindowsUsedTo(const std::string& id, double share) const {
    size_t windows = 0;
    for (const BookRow& row : rows_) {
      if (row.id != id) continue;
      for (const auto& [key, spends] : books_) {
        const bool used =
            static_cast<double>(SumBetween(spends, absl::InfinitePast(), absl::InfiniteFuture())) >=
            share * static_cast<double>(row.limit);
        windows += key.row == id && used ? 1 : 0;
      }
    }
    return windows;
  }

 private:
  using Spends = std::map<absl::Time, int64_t>;
  struct Key {
    std::string row;
    int64_t window = 0;  // since the epoch
    std::string user;    // of rows per user
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  static Key KeyOf(const BookRow& row, absl::Time time, const std::string& user) {
    Key key{row.id, 0, row.per_user ? user : ""};
    if (!row.moves && row.window != absl::InfiniteDuration()) {
      key.window = absl::ToUnixSeconds(time) / absl::ToInt64Seconds(row.window);
    }
    return key;
  }

  // After `from`, up to `to`.
  static int64_t SumBetween(const Spends& spends, absl::Time from, absl::Time to) {
    int64_t sum = 0;
    for (auto at = spends.upper_bound(from); at != spends.end() && at->first <= to; ++at) {
      sum += at->second;
    }
    return sum;
  }

  // The most in any stretch of a moving span's length that `time` is in; else in the window.
  static int64_t MostOf(const BookRow& row, const Spends& spends, absl::Time time) {
    if (!row.moves) return SumBetween(spends, absl::InfinitePast(), absl::InfiniteFuture());
    int64_t most = 0;
    for (auto end = spends.lower_bound(time); end != spends.end() && end->first < time + row.window;
         ++end) {
      most = std::max(most, SumBetween(spends, end->first - row.window, end->first));
    }
    return most;
  }

  const std::vector<BookRow> rows_;
  std::map<Key, Spends> books_;
  std::vector<std::string> violations_;
};

}  // namespace fulcrum::testing
