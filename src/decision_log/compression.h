// Payloads compressed one by one, so that each can be read without the others.
//
// A record is small and much like the ones before it, so what makes zstd worth its time is a
// dictionary: raw payloads of the same stream, which the segment holds in a record of type
// `dictionary`.
//
// Compression has to earn its time: a payload that does not get smaller by a quarter is stored as
// it is, and after four such payloads in a row the next 60 are not even tried. So data that cannot
// be compressed costs a sixteenth of the time, and data that can be again is soon noticed. What is
// stored depends on the payloads since SetDictionary() alone.
//
// Not thread-safe. What is decompressed comes from outside: sizes are checked before memory is
// taken.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace fulcrum::decision_log {

class PayloadCompressor {
 public:
  PayloadCompressor();
  ~PayloadCompressor();

  // From here on with this dictionary; empty = without.
  void SetDictionary(std::string_view dictionary);
  const std::string& dictionary() const { return dictionary_; }
  uint16_t dictionary_tag() const { return dictionary_tag_; }  // 0 without

  // What to store, valid until the next call, and the record's flags that say how.
  std::string_view Compress(std::string_view payload, uint8_t* flags);

 private:
  struct State;
  std::string_view Try(std::string_view payload, uint8_t* flags);

  std::string dictionary_;
  uint16_t dictionary_tag_ = 0;
  int misses_ = 0;    // payloads in a row that were not worth it
  int skipping_ = 0;  // payloads that are not to be tried
  std::unique_ptr<State> state_;
};

class PayloadDecompressor {
 public:
  PayloadDecompressor();
  ~PayloadDecompressor();

  // INVALID_ARGUMENT if zstd does not take it.
  absl::Status SetDictionary(std::string_view dictionary);
  uint16_t dictionary_tag() const { return dictionary_tag_; }  // 0: none is set

  // The payload, valid until the next call. DATA_LOSS if it is no whole frame, needs a dictionary
  // that is not set, or is larger than kPayloadBytesMax.
  absl::StatusOr<std::string_view> Decompress(std::string_view stored, uint8_t flags);

 private:
  struct State;
  uint16_t dictionary_tag_ = 0;
  std::unique_ptr<State> state_;
};

}  // namespace fulcrum::decision_log
