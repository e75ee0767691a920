#include "leases/lease_codec.h"

#include <utility>

namespace fulcrum::leases {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr size_t kNumberBytes = 8;

void Put(std::string* out, uint64_t number) {
  for (size_t i = 0; i < kNumberBytes; ++i) {
    out->push_back(static_cast<char>((number >> (8 * i)) & 0xff));
  }
}

void Put(std::string* out, int64_t amount) {
  Put(out, static_cast<uint64_t>(amount));
}

// After the first number that is not there everything reads as 0 and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  uint64_t Number() {
    const std::string_view bytes = Take(kNumberBytes);
    uint64_t number = 0;
    for (size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
    return number;
  }
  int64_t Amount() { return static_cast<int64_t>(Number()); }
  std::string Text() { return std::string(Take(Number())); }
  // How many entries of at least `bytes` follow; a damaged number must not claim more memory than
  // there are bytes.
  uint64_t Count(size_t bytes) {
    const uint64_t count = Number();
    if (count <= rest_.size() / bytes) return count;
    ok_ = false;
    return 0;
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view Take(uint64_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

void PutAccount(std::string* out, const BookAccount& account) {
  Put(out, account.settled);
  Put(out, account.written_off);
  Put(out, account.last_number);
  Put(out, uint64_t{account.leases.size()});
  for (const BookLease& lease : account.leases) {
    Put(out, lease.number);
    Put(out, lease.granted);
    Put(out, lease.reported);
  }
}

BookAccount ReadAccount(Reader* in) {
  BookAccount account;
  account.settled = in->Amount();
  account.written_off = in->Amount();
  account.last_number = in->Number();
  account.leases.resize(in->Count(3 * kNumberBytes));
  for (BookLease& lease : account.leases) {
    lease.number = in->Number();
    lease.granted = in->Amount();
    lease.reported = in->Amount();
  }
  return account;
}

}  // namespace

uint64_t FormatOf(std::string_view header) {
  return Reader(header).Number();
}

std::string EncodeHeader(const BookHeader& header) {
  std::string out;
  Put(&out, kBookFormat);
  Put(&out, header.epoch);
  Put(&out, header.closed_before_us);
  return out;
}

std::optional<BookHeader> DecodeHeader(std::string_view value) {
  Reader in(value);
  if (in.Number() != kBookFormat) return std::nullopt;
  BookHeader header;
  header.epoch = in.Number();
  header.closed_before_us = in.Amount();
  if (!in.done()) return std::nullopt;
  return header;
}

std::string EncodeReplica(const BookReplica& replica) {
  std::string out;
  Put(&out, replica.incarnation);
  Put(&out, replica.registered_number);
  Put(&out, replica.accounted_epoch);
  Put(&out, uint64_t{replica.fenced ? 1u : 0u});
  Put(&out, replica.generation);
  Put(&out, replica.log_end);
  return out;
}

std::optional<BookReplica> DecodeReplica(std::string_view value) {
  Reader in(value);
  BookReplica replica;
  replica.incarnation = in.Number();
  replica.registered_number = in.Number();
  replica.accounted_epoch = in.Number();
  const uint64_t fenced = in.Number();
  replica.fenced = fenced == 1;
  replica.generation = in.Number();
  replica.log_end = in.Number();
  if (!in.done() || fenced > 1) return std::nullopt;
  return replica;
}

std::string EncodeBudget(const BookBudget& budget) {
  std::string out;
  Put(&out, budget.limit.amount);
  Put(&out, budget.limit.version);
  Put(&out, uint64_t{budget.accounts.size()});
  for (const auto& [replica, account] : budget.accounts) {
    Put(&out, uint64_t{replica.size()});
    out += replica;
    PutAccount(&out, account);
  }
  return out;
}

std::optional<BookBudget> DecodeBudget(std::string_view value) {
  Reader in(value);
  BookBudget budget;
  budget.limit.amount = in.Amount();
  budget.limit.version = in.Number();
  for (uint64_t left = in.Count(kNumberBytes); left > 0 && in.ok(); --left) {
    std::string replica = in.Text();
    budget.accounts[std::move(replica)] = ReadAccount(&in);
  }
  if (!in.done()) return std::nullopt;
  return budget;
}

std::string EncodeKey(const BudgetKey& key) {
  const uint64_t ordered = static_cast<uint64_t>(key.window_start_us) ^ kSignBit;
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((ordered >> shift) & 0xff));
  }
  return out + key.row;
}

std::optional<BudgetKey> DecodeKey(std::string_view text) {
  if (text.size() < kNumberBytes) return std::nullopt;
  uint64_t ordered = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) ordered = ordered << 8 | static_cast<uint8_t>(text[i]);
  return BudgetKey{std::string(text.substr(kNumberBytes)),
                   static_cast<int64_t>(ordered ^ kSignBit)};
}

}  // namespace fulcrum::leases
