// The durable form of posteriors.
//
// Little-endian; texts as length u32 and bytes, numbers as 64-bit patterns of doubles:
//
//   magic, version u32, model u64, LSN u64
//   counts: pairs u64, each {segment, action id, trials, successes}
//   from version 2: ignored u64, ill-conditioned u64
//   linear surfaces u64, each {id, terms u32, noise, prior, flags u8, from version 3 decay,
//   arms u64}, each arm {action id, sums, 0 u8 or 1 u8 and the sums behind the factor}; sums are
//   x x' and x r
//   from version 3: counts that forget u64, each {decay, counts}
//   surfaces with amounts u64, each {id, cap, decay, counts whose pairs end with amount, squares}
//   capped u64
//   CRC-32C of all before it
//
// Flags: 1 has model, from version 4 also 2 log odds. A decay is {half-life u64, landmark u64
// (two's complement), step u64}. Pairs, surfaces and arms are sorted by their texts, counts that
// forget by their half-lives.
#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "scoring/posteriors.h"

namespace fulcrum::scoring {
namespace {

constexpr std::string_view kMagic = "FULCPOST";
constexpr uint32_t kVersion = 4;

constexpr uint8_t kHasModel = 1;
constexpr uint8_t kLogOdds = 2;

template <typename T>
void PutInteger(std::string* out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out->push_back(static_cast<char>(static_cast<uint8_t>(value >> (8 * i))));
  }
}

void PutNumber(std::string* out, double value) {
  PutInteger(out, std::bit_cast<uint64_t>(value));
}

void PutName(std::string* out, std::string_view name) {
  PutInteger(out, static_cast<uint32_t>(name.size()));
  out->append(name);
}

void PutDecay(std::string* out, const Decay& decay) {
  PutInteger(out, static_cast<uint64_t>(decay.half_life_us()));
  PutInteger(out, static_cast<uint64_t>(decay.landmark_us()));
  PutInteger(out, static_cast<uint64_t>(decay.step()));
}

void PutSums(std::string* out, const LinearSums& sums) {
  for (const double value : sums.xx) PutNumber(out, value);
  for (const double value : sums.xr) PutNumber(out, value);
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
      value |= static_cast<T>(static_cast<T>(static_cast<uint8_t>(taken[i])) << (8 * i));
    }
    return value;
  }
  std::string_view Name() {
    const auto size = Integer<uint32_t>();
    return Take(size);
  }
  double Number() { return std::bit_cast<double>(Integer<uint64_t>()); }
  Decay TakeDecay() {
    const auto half_life_us = Integer<uint64_t>();
    const auto landmark_us = Integer<uint64_t>();
    const auto step = Integer<uint64_t>();
    return Decay(static_cast<int64_t>(half_life_us), static_cast<int64_t>(landmark_us),
                 static_cast<int64_t>(step));
  }
  LinearSums Sums(size_t terms) {
    LinearSums sums = LinearSums::Zero(terms);
    for (double& value : sums.xx) value = Number();
    for (double& value : sums.xr) value = Number();
    return sums;
  }
  bool ok() const { return ok_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

bool AreCounts(const ArmCounts& counts) {
  return counts.trials >= 0 && std::isfinite(counts.trials) && counts.successes >= 0 &&
         std::isfinite(counts.successes) && std::isfinite(counts.amount) && counts.squares >= 0 &&
         std::isfinite(counts.squares);
}

bool AreFinite(const LinearSums& sums) {
  const auto finite = [](double value) { return std::isfinite(value); };
  return std::all_of(sums.xx.begin(), sums.xx.end(), finite) &&
         std::all_of(sums.xr.begin(), sums.xr.end(), finite);
}

uint8_t FlagsOf(const LinearSpec& spec) {
  return static_cast<uint8_t>((spec.has_model ? kHasModel : 0) | (spec.log_odds ? kLogOdds : 0));
}

bool IsSpec(const LinearSpec& spec) {
  return spec.terms >= 2 && spec.terms <= kTermsMax && std::isfinite(spec.noise_sd) &&
         std::isfinite(spec.prior_sd) && spec.noise_sd > 0 && spec.prior_sd > 0;
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

// The keys of `map` in their order.
template <typename Map>
std::vector<std::string_view> Sorted(const Map& map) {
  std::vector<std::string_view> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace

class PosteriorsCodec {
 public:
  static void PutCounts(const ArmBook& from, bool amounts, std::string* out) {
    PutInteger(out, static_cast<uint64_t>(from.size()));
    for (const std::string_view segment : Sorted(from.segments())) {
      const ArmBook::Arms& arms = *from.segments().find(segment)->second;
      for (const std::string_view action_id : Sorted(arms)) {
        const ArmCounts& counts = arms.find(action_id)->second;
        PutName(out, segment);
        PutName(out, action_id);
        PutNumber(out, counts.trials);
        PutNumber(out, counts.successes);
        if (!amounts) continue;
        PutNumber(out, counts.amount);
        PutNumber(out, counts.squares);
      }
    }
  }

  static void PutForgetting(const Posteriors& from, std::string* out) {
    PutInteger(out, static_cast<uint64_t>(from.counts_.size() - 1));
    for (const auto& [half_life_us, book] : from.counts_) {
      if (half_life_us == 0) continue;
      PutDecay(out, book.decay());
      PutCounts(book, /*amounts=*/false, out);
    }
  }

  static void PutValues(const Posteriors& from, std::string* out) {
    PutInteger(out, static_cast<uint64_t>(from.values_.size()));
    for (const std::string_view id : Sorted(from.values_)) {
      const Posteriors::Values& values = from.values_.find(id)->second;
      PutName(out, id);
      PutNumber(out, values.cap);
      PutDecay(out, values.book.decay());
      PutCounts(values.book, /*amounts=*/true, out);
    }
    PutInteger(out, from.capped_);
  }

  static void PutLinear(const Posteriors& from, std::string* out) {
    PutInteger(out, from.ignored_);
    PutInteger(out, from.ill_conditioned_);
    PutInteger(out, static_cast<uint64_t>(from.linear_.size()));
    for (const std::string_view id : Sorted(from.linear_)) {
      const Posteriors::LinearSurface& surface = *from.linear_.find(id)->second;
      PutName(out, id);
      PutInteger(out, static_cast<uint32_t>(surface.spec.terms));
      PutNumber(out, surface.spec.noise_sd);
      PutNumber(out, surface.spec.prior_sd);
      PutInteger(out, FlagsOf(surface.spec));
      PutDecay(out, surface.decay);
      PutInteger(out, static_cast<uint64_t>(surface.arms.size()));
      for (const std::string_view action_id : Sorted(surface.arms)) {
        const LinearArm& arm = *surface.arms.find(action_id)->second;
        PutName(out, action_id);
        PutSums(out, arm.sums());
        PutInteger(out, static_cast<uint8_t>(arm.fitted() != nullptr));
        if (arm.fitted() != nullptr) PutSums(out, *arm.fitted());
      }
    }
  }

  static absl::Status ReadCounts(Reader* reader, bool amounts, ArmBook* to) {
    const auto pairs = reader->Integer<uint64_t>();
    std::pair<std::string_view, std::string_view> last;
    for (uint64_t i = 0; i < pairs; ++i) {
      const std::string_view segment = reader->Name();
      const std::string_view action_id = reader->Name();
      ArmCounts counts;
      counts.trials = reader->Number();
      counts.successes = reader->Number();
      if (amounts) counts.amount = reader->Number();
      if (amounts) counts.squares = reader->Number();
      if (!reader->ok()) break;
      if (!AreCounts(counts)) return Damaged(absl::StrCat("pair ", i, " has impossible counts"));
      const std::pair here(segment, action_id);
      if (i > 0 && !(last < here)) return Damaged(absl::StrCat("pair ", i, " is out of order"));
      to->Set(segment, action_id, counts);
      last = here;
    }
    return absl::OkStatus();
  }

  static absl::Status ReadForgetting(Reader* reader, Posteriors* to) {
    const auto books = reader->Integer<uint64_t>();
    int64_t last = 0;
    for (uint64_t i = 0; i < books; ++i) {
      const Decay decay = reader->TakeDecay();
      if (!reader->ok()) break;
      if (!decay.IsPossible() || decay.half_life_us() <= last) {
        return Damaged(absl::StrCat("counts ", i, " forget impossibly or are out of order"));
      }
      last = decay.half_life_us();
      ArmBook* const book = &to->counts_.try_emplace(last, decay).first->second;
      FULCRUM_RETURN_IF_ERROR(ReadCounts(reader, /*amounts=*/false, book));
    }
    return absl::OkStatus();
  }

  static absl::Status ReadValues(Reader* reader, Posteriors* to) {
    const auto surfaces = reader->Integer<uint64_t>();
    std::string_view last;
    for (uint64_t i = 0; i < surfaces; ++i) {
      const std::string_view id = reader->Name();
      const double cap = reader->Number();
      const Decay decay = reader->TakeDecay();
      if (!reader->ok()) break;
      const std::string name = absl::StrCat("surface with amounts ", i);
      if (!(cap > 0) || !std::isfinite(cap) || !decay.IsPossible()) {
        return Damaged(name + " is impossible");
      }
      if (i > 0 && !(last < id)) return Damaged(name + " is out of order");
      last = id;
      Posteriors::Values& values = to->values_[id];
      values = {cap, ArmBook(decay)};
      FULCRUM_RETURN_IF_ERROR(ReadCounts(reader, /*amounts=*/true, &values.book));
    }
    to->capped_ = reader->Integer<uint64_t>();
    return absl::OkStatus();
  }

  static absl::Status ReadLinear(Reader* reader, uint32_t version, Posteriors* to) {
    to->ignored_ = reader->Integer<uint64_t>();
    to->ill_conditioned_ = reader->Integer<uint64_t>();
    const auto surfaces = reader->Integer<uint64_t>();
    std::string_view last;
    for (uint64_t i = 0; i < surfaces; ++i) {
      const std::string_view id = reader->Name();
      Posteriors::LinearSurface surface;
      surface.spec.terms = reader->Integer<uint32_t>();
      surface.spec.noise_sd = reader->Number();
      surface.spec.prior_sd = reader->Number();
      const auto flags = reader->Integer<uint8_t>();
      surface.spec.has_model = (flags & kHasModel) != 0;
      surface.spec.log_odds = (flags & kLogOdds) != 0;
      if (version >= 3) surface.decay = reader->TakeDecay();
      if (!reader->ok()) break;
      const std::string name = absl::StrCat("linear surface ", i);
      if (!IsSpec(surface.spec) || flags > (version >= 4 ? kHasModel | kLogOdds : kHasModel) ||
          !surface.decay.IsPossible())
        return Damaged(name + " is impossible");
      if (i > 0 && !(last < id)) return Damaged(name + " is out of order");
      last = id;
      FULCRUM_RETURN_IF_ERROR(ReadArms(reader, name, &surface));
      *to->linear_[id].Write() = std::move(surface);
    }
    return absl::OkStatus();
  }

  static absl::Status ReadArms(Reader* reader, const std::string& name,
                               Posteriors::LinearSurface* surface) {
    const auto arms = reader->Integer<uint64_t>();
    const LinearSpec spec = Discounted(surface->spec, surface->decay.Discount());
    std::string_view last;
    for (uint64_t i = 0; i < arms; ++i) {
      const std::string_view action_id = reader->Name();
      LinearSums sums = reader->Sums(surface->spec.terms);
      const auto behind = reader->Integer<uint8_t>();
      std::optional<LinearSums> fitted;
      if (behind == 1) fitted = reader->Sums(surface->spec.terms);
      if (!reader->ok()) break;
      const std::string arm = absl::StrCat(name, ", arm ", i);
      if (behind > 1 || !AreFinite(sums) || (fitted && !AreFinite(*fitted))) {
        return Damaged(arm + " is impossible");
      }
      if (i > 0 && !(last < action_id)) return Damaged(arm + " is out of order");
      last = action_id;
      auto made =
          std::make_shared<const LinearArm>(spec, std::move(sums), fitted ? &*fitted : nullptr);
      if (!made->has_factor()) return Damaged(arm + " has no good factor");
      surface->arms.emplace(action_id, std::move(made));
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<Posteriors> Posteriors::Parse(std::string_view bytes) {
  FULCRUM_ASSIGN_OR_RETURN(const std::string_view body, CheckedBody(bytes));
  Reader reader(body);
  const auto version = reader.Integer<uint32_t>();
  if (version < 1 || version > kVersion) {
    return Damaged(absl::StrCat("version ", version, ", this program reads 1 to ", kVersion));
  }
  Posteriors posteriors;
  posteriors.set_model(reader.Integer<uint64_t>());
  posteriors.set_lsn(reader.Integer<uint64_t>());
  FULCRUM_RETURN_IF_ERROR(
      PosteriorsCodec::ReadCounts(&reader, /*amounts=*/false, &posteriors.counts_[0]));
  if (version >= 2) {
    FULCRUM_RETURN_IF_ERROR(PosteriorsCodec::ReadLinear(&reader, version, &posteriors));
  }
  if (version >= 3) {
    FULCRUM_RETURN_IF_ERROR(PosteriorsCodec::ReadForgetting(&reader, &posteriors));
    FULCRUM_RETURN_IF_ERROR(PosteriorsCodec::ReadValues(&reader, &posteriors));
  }
  if (!reader.ok() || !reader.empty()) return Damaged("does not end where its counts say");
  return posteriors;
}

std::string Posteriors::Serialise() const {
  std::string out(kMagic);
  PutInteger(&out, kVersion);
  PutInteger(&out, model_);
  PutInteger(&out, lsn_);
  PosteriorsCodec::PutCounts(counts_.find(0)->second, /*amounts=*/false, &out);
  PosteriorsCodec::PutLinear(*this, &out);
  PosteriorsCodec::PutForgetting(*this, &out);
  PosteriorsCodec::PutValues(*this, &out);
  PutInteger(&out, base::Crc32c(out));
  return out;
}

}  // namespace fulcrum::scoring
