#include "decision_log/segment_index.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace fulcrum::decision_log {
namespace {

constexpr int kProbes = 6;
constexpr size_t kBitsPerId = 10;
constexpr size_t kEntryBytes = 40;  // without the filter's words
// What is far larger than any filter of one block, so that a payload holds many.
constexpr size_t kIndexPayloadBytes = size_t{1} << 20;

template <typename T>
void Put(const T& value, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Takes values off the front; `ok` turns false when there are too few bytes.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  T Take() {
    T value{};
    ok_ = ok_ && bytes_.size() >= sizeof(value);
    if (!ok_) return value;
    std::memcpy(&value, bytes_.data(), sizeof(value));
    bytes_.remove_prefix(sizeof(value));
    return value;
  }
  size_t left() const { return bytes_.size(); }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

// Two independent hashes make all probes: Kirsch and Mitzenmacher, "Less hashing, same
// performance", 2006. An id's random bits need no more than a multiplication.
template <typename Visit>
void ForProbes(const DecisionId& id, size_t bits, const Visit& visit) {
  const uint64_t first = (id.low() ^ id.high()) * 0x9e3779b97f4a7c15ULL;
  const uint64_t second = ((id.low() + id.high() * 31) * 0xc2b2ae3d27d4eb4fULL) | 1;
  for (uint64_t i = 0; i < kProbes; ++i) {
    visit(static_cast<size_t>(((first + i * second) >> 20) % bits));
  }
}

}  // namespace

IdFilter IdFilter::Of(const std::vector<DecisionId>& ids) {
  IdFilter filter;
  if (ids.empty()) return filter;
  filter.words_.resize((ids.size() * kBitsPerId + 63) / 64);
  for (const DecisionId& id : ids) {
    ForProbes(id, filter.words_.size() * 64,
              [&](size_t bit) { filter.words_[bit / 64] |= uint64_t{1} << (bit % 64); });
  }
  return filter;
}

bool IdFilter::MayHold(const DecisionId& id) const {
  if (words_.empty()) return false;
  bool all = true;
  ForProbes(id, words_.size() * 64,
            [&](size_t bit) { all = all && ((words_[bit / 64] >> (bit % 64)) & 1) != 0; });
  return all;
}

std::vector<std::string> EncodeIndex(const std::vector<IndexEntry>& entries) {
  std::vector<std::string> payloads(1);
  for (const IndexEntry& entry : entries) {
    const size_t size = kEntryBytes + entry.ids.words().size() * sizeof(uint64_t);
    if (payloads.back().size() + size > kIndexPayloadBytes) payloads.emplace_back();
    std::string* const bytes = &payloads.back();
    Put(entry.offset, bytes);
    Put(entry.next_lsn, bytes);
    Put(entry.min_time_us, bytes);
    Put(entry.max_time_us, bytes);
    Put(static_cast<uint64_t>(entry.ids.words().size()), bytes);
    for (const uint64_t word : entry.ids.words()) Put(word, bytes);
  }
  return payloads;
}

absl::Status DecodeIndex(std::string_view payload, std::vector<IndexEntry>* entries) {
  Taker taker(payload);
  while (taker.left() > 0) {
    IndexEntry entry;
    entry.offset = taker.Take<uint64_t>();
    entry.next_lsn = taker.Take<uint64_t>();
    entry.min_time_us = taker.Take<int64_t>();
    entry.max_time_us = taker.Take<int64_t>();
    const auto words = taker.Take<uint64_t>();
    if (!taker.ok() || words > taker.left() / sizeof(uint64_t)) {
      return absl::DataLossError("the segment's index is cut short");
    }
    const bool ordered = entries->empty() || (entry.offset > entries->back().offset &&
                                              entry.next_lsn >= entries->back().next_lsn);
    if (!ordered || entry.offset % kRecordAlignment != 0) {
      return absl::DataLossError("the segment's index is out of order");
    }
    std::vector<uint64_t> filter(words);
    for (uint64_t& word : filter) word = taker.Take<uint64_t>();
    entry.ids = IdFilter(std::move(filter));
    entries->push_back(std::move(entry));
  }
  return absl::OkStatus();
}

std::string EncodeFooter(const SegmentFooter& footer) {
  std::string bytes;
  Put(footer.index_offset, &bytes);
  Put(footer.last_lsn, &bytes);
  Put(footer.dictionary_offset, &bytes);
  for (const uint64_t count : footer.stats.by_type) Put(count, &bytes);
  Put(footer.stats.records, &bytes);
  Put(footer.stats.min_time_us, &bytes);
  Put(footer.stats.max_time_us, &bytes);
  Put(footer.stats.payload_bytes, &bytes);
  Put(footer.stats.stored_bytes, &bytes);
  Put(footer.chain, &bytes);
  return bytes;
}

absl::StatusOr<SegmentFooter> DecodeFooter(std::string_view payload) {
  if (payload.size() != kFooterPayloadBytes) {
    return absl::DataLossError(
        absl::StrCat("a footer has a payload of ", kFooterPayloadBytes, " bytes"));
  }
  Taker taker(payload);
  SegmentFooter footer;
  footer.index_offset = taker.Take<uint64_t>();
  footer.last_lsn = taker.Take<uint64_t>();
  footer.dictionary_offset = taker.Take<uint64_t>();
  for (uint64_t& count : footer.stats.by_type) count = taker.Take<uint64_t>();
  footer.stats.records = taker.Take<uint64_t>();
  footer.stats.min_time_us = taker.Take<int64_t>();
  footer.stats.max_time_us = taker.Take<int64_t>();
  footer.stats.payload_bytes = taker.Take<uint64_t>();
  footer.stats.stored_bytes = taker.Take<uint64_t>();
  footer.chain = taker.Take<base::Sha256Digest>();
  return footer;
}

}  // namespace fulcrum::decision_log
