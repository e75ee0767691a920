#include "scoring/posteriors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/hash.h"
#include "base/status_macros.h"

namespace fulcrum::scoring {
namespace {

// Layout, little-endian: magic, version u32, model u64, LSN u64, pairs u64, then per pair (sorted
// by segment, then action id) {segment, action id: length u32 and bytes; trials, successes: 64-bit
// patterns of doubles}, and last the CRC-32C of all before it.
constexpr std::string_view kMagic = "FULCPOST";
constexpr uint32_t kVersion = 1;

template <typename T>
void PutInteger(std::string* out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out->push_back(static_cast<char>(static_cast<uint8_t>(value >> (8 * i))));
  }
}

void PutName(std::string* out, std::string_view name) {
  PutInteger(out, static_cast<uint32_t>(name.size()));
  out->append(name);
}

// Takes values off the front; `ok` turns false for good when the bytes run out.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view Take(size_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <typename T>
  T Integer() {
    T value = 0;
    const std::string_view taken = Take(sizeof(T));
    for (size_t i = 0; i < taken.size(); ++i) {
      value |= static_cast<T>(static_cast<uint8_t>(taken[i])) << (8 * i);
    }
    return value;
  }
  std::string_view Name() {
    const auto size = Integer<uint32_t>();
    return Take(size);
  }
  double Number() { return std::bit_cast<double>(Integer<uint64_t>()); }
  bool ok() const { return ok_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

bool AreCounts(const ArmCounts& counts) {
  return std::isfinite(counts.trials) && counts.successes >= 0 && counts.successes <= counts.trials;
}

absl::Status CheckCountsHeader(const base::CsvReader& csv) {
  if (csv.header() == std::vector<std::string>{"segment", "action_id", "trials", "successes"}) {
    return absl::OkStatus();
  }
  return csv.Problem("the header must be segment,action_id,trials,successes");
}

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError(absl::StrCat("posterior snapshot: ", what));
}

// The checksum holds, so what is wrong from here on is a writer's fault, not a disk's; the answer
// is the same.
absl::StatusOr<std::string_view> CheckedBody(std::string_view bytes) {
  constexpr size_t kChecksumBytes = 4;
  if (bytes.size() < kMagic.size() + kChecksumBytes) {
    return Damaged(absl::StrCat("cut off at ", bytes.size(), " bytes"));
  }
  if (bytes.substr(0, kMagic.size()) != kMagic) return Damaged("does not start with its magic");
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Reader(bytes.substr(body.size())).Integer<uint32_t>() != base::Crc32c(body)) {
    return Damaged("the checksum does not match");
  }
  return body.substr(kMagic.size());
}

}  // namespace

absl::StatusOr<Posteriors> Posteriors::LoadCounts(base::FileSystem* files,
                                                  const std::string& path) {
  FULCRUM_ASSIGN_OR_RETURN(const std::unique_ptr<base::CsvReader> csv,
                           base::CsvReader::Open(files, path));
  FULCRUM_RETURN_IF_ERROR(CheckCountsHeader(*csv));
  Posteriors posteriors;
  while (true) {
    FULCRUM_ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) return posteriors;
    const std::string_view segment = csv->fields()[0];
    const std::string_view action_id = csv->fields()[1];
    ArmCounts counts;
    if (action_id.empty()) return csv->Problem("the action id is empty");
    if (!base::ParseFiniteDouble(csv->fields()[2], &counts.trials) ||
        !base::ParseFiniteDouble(csv->fields()[3], &counts.successes) || !AreCounts(counts)) {
      return csv->Problem("trials and successes must be numbers, 0 <= successes <= trials");
    }
    if (!posteriors.counts_[segment].emplace(action_id, counts).second) {
      return csv->Problem("segment and action id are there twice");
    }
  }
}

absl::StatusOr<Posteriors> Posteriors::Parse(std::string_view bytes) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string_view body, CheckedBody(bytes));
  Reader reader(body);
  if (const auto version = reader.Integer<uint32_t>(); version != kVersion) {
    return Damaged(absl::StrCat("version ", version, ", this program reads ", kVersion));
  }
  Posteriors posteriors;
  posteriors.set_model(reader.Integer<uint64_t>());
  posteriors.set_lsn(reader.Integer<uint64_t>());
  const auto pairs = reader.Integer<uint64_t>();
  std::pair<std::string_view, std::string_view> last;
  for (uint64_t i = 0; i < pairs && reader.ok(); ++i) {
    const std::string_view segment = reader.Name();
    const std::string_view action_id = reader.Name();
    const double trials = reader.Number();
    const ArmCounts counts = {trials, reader.Number()};
    if (!reader.ok()) break;
    if (!AreCounts(counts)) return Damaged(absl::StrCat("pair ", i, " has impossible counts"));
    const std::pair here(segment, action_id);
    if (i > 0 && !(last < here)) return Damaged(absl::StrCat("pair ", i, " is out of order"));
    posteriors.Set(segment, action_id, counts);
    last = here;
  }
  if (!reader.ok() || !reader.empty()) return Damaged("does not end where its counts say");
  return posteriors;
}

std::string Posteriors::Serialise() const {
  std::vector<std::tuple<std::string_view, std::string_view, ArmCounts>> pairs;
  for (const auto& [segment, arms] : counts_) {
    for (const auto& [action_id, counts] : arms) pairs.emplace_back(segment, action_id, counts);
  }
  std::sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  std::string out(kMagic);
  PutInteger(&out, kVersion);
  PutInteger(&out, model_);
  PutInteger(&out, lsn_);
  PutInteger(&out, static_cast<uint64_t>(pairs.size()));
  for (const auto& [segment, action_id, counts] : pairs) {
    PutName(&out, segment);
    PutName(&out, action_id);
    PutInteger(&out, std::bit_cast<uint64_t>(counts.trials));
    PutInteger(&out, std::bit_cast<uint64_t>(counts.successes));
  }
  PutInteger(&out, base::Crc32c(out));
  return out;
}

ArmCounts Posteriors::Find(std::string_view segment, std::string_view action_id) const {
  for (const std::string_view name : {segment, std::string_view()}) {
    const auto arms = counts_.find(name);
    if (arms == counts_.end()) continue;
    const auto found = arms->second.find(action_id);
    if (found != arms->second.end()) return found->second;
  }
  return {};
}

void Posteriors::Set(std::string_view segment, std::string_view action_id, ArmCounts counts) {
  counts_[segment][action_id] = counts;
}

size_t Posteriors::size() const {
  size_t pairs = 0;
  for (const auto& [segment, arms] : counts_) pairs += arms.size();
  return pairs;
}

}  // namespace fulcrum::scoring
