package judge;

import static judge.Stateless.input;

import java.time.Duration;
import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

/** The processor API: stores, forwards, punctuations. */
final class Processors {
    private static final String STORE = "store";

    private Processors() {}

    static void addTo(Map<String, Topology> all) {
        all.put("process-store", (b, p) -> {
            addTexts(b);
            input(b).process(Latest::new, STORE).to("out");
        });
        all.put("punctuate-stream-time", (b, p) -> {
            addTexts(b);
            Duration interval = p.duration("intervalMs");
            input(b).process(() -> new Dump(PunctuationType.STREAM_TIME, interval), STORE).to("out");
        });
        all.put("punctuate-wall-clock", (b, p) -> {
            addTexts(b);
            Duration interval = p.duration("intervalMs");
            input(b).process(() -> new Dump(PunctuationType.WALL_CLOCK_TIME, interval), STORE).to("out");
        });
        all.put("process-window-store", (b, p) -> {
            b.addStateStore(Stores.windowStoreBuilder(
                    Stores.inMemoryWindowStore(STORE, Duration.ofDays(1), Duration.ofMillis(10), false),
                    Serdes.String(), Serdes.String()));
            input(b).process(InWindows::new, STORE).to("out");
        });
        all.put("process-session-store", (b, p) -> {
            b.addStateStore(Stores.sessionStoreBuilder(
                    Stores.persistentSessionStore(STORE, Duration.ofDays(1)), Serdes.String(), Serdes.String()));
            input(b).process(InSessions::new, STORE).to("out");
        });
    }

    private static void addTexts(StreamsBuilder builder) {
        builder.addStateStore(Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Serdes.String()));
    }

    /** What was there, then what is there now; a null value deletes. */
    private static final class Latest implements Processor<String, String, String, String> {
        private ProcessorContext<String, String> context;
        private KeyValueStore<String, String> store;

        @Override
        public void init(ProcessorContext<String, String> given) {
            context = given;
            store = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, String> record) {
            if (record.key() == null) return;
            context.forward(record.withValue("was " + store.get(record.key())));
            if (record.value() == null) store.delete(record.key());
            else store.put(record.key(), record.value());
            context.forward(record.withValue("is " + store.get(record.key())));
        }
    }

    /** Keeps what comes and hands all of it on, by key, at each punctuation. */
    private static final class Dump implements Processor<String, String, String, String> {
        private final PunctuationType type;
        private final Duration interval;
        private KeyValueStore<String, String> store;

        Dump(PunctuationType type, Duration interval) {
            this.type = type;
            this.interval = interval;
        }

        @Override
        public void init(ProcessorContext<String, String> context) {
            store = context.getStateStore(STORE);
            context.schedule(interval, type, timestamp -> {
                context.forward(new Record<>("tick", Long.toString(timestamp), timestamp));
                try (KeyValueIterator<String, String> rows = store.all()) {
                    while (rows.hasNext()) {
                        KeyValue<String, String> row = rows.next();
                        context.forward(new Record<>(row.key, row.value, timestamp));
                    }
                }
            });
        }

        @Override
        public void process(Record<String, String> record) {
            if (record.key() == null) return;
            if (record.value() == null) store.delete(record.key());
            else store.put(record.key(), record.value());
        }
    }

    /** Puts each value under its time, and hands on what the key has from five before to five after. */
    private static final class InWindows implements Processor<String, String, String, String> {
        private ProcessorContext<String, String> context;
        private WindowStore<String, String> store;

        @Override
        public void init(ProcessorContext<String, String> given) {
            context = given;
            store = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, String> record) {
            if (record.key() == null) return;
            long time = record.timestamp();
            store.put(record.key(), record.value(), time);
            StringBuilder text = new StringBuilder("at " + store.fetch(record.key(), time) + ":");
            try (WindowStoreIterator<String> near = store.fetch(record.key(), Math.max(0, time - 5), time + 5)) {
                while (near.hasNext()) {
                    KeyValue<Long, String> entry = near.next();
                    text.append(' ').append(entry.key).append('=').append(entry.value);
                }
            }
            context.forward(record.withValue(text.toString()));
        }
    }

    /** Puts each value as a session from its time on for as long as the value has letters; hands on what is near. */
    private static final class InSessions implements Processor<String, String, String, String> {
        private ProcessorContext<String, String> context;
        private SessionStore<String, String> store;

        @Override
        public void init(ProcessorContext<String, String> given) {
            context = given;
            store = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, String> record) {
            if (record.key() == null || record.value() == null) return;
            long start = record.timestamp();
            long end = start + record.value().length();
            store.put(new org.apache.kafka.streams.kstream.Windowed<>(record.key(),
                    new org.apache.kafka.streams.kstream.internals.SessionWindow(start, end)), record.value());
            StringBuilder text = new StringBuilder("near:");
            try (KeyValueIterator<org.apache.kafka.streams.kstream.Windowed<String>, String> near =
                    store.findSessions(record.key(), Math.max(0, start - 3), start + 3)) {
                while (near.hasNext()) {
                    KeyValue<org.apache.kafka.streams.kstream.Windowed<String>, String> entry = near.next();
                    text.append(' ').append(entry.key.window().start()).append('/')
                            .append(entry.key.window().end()).append('=').append(entry.value);
                }
            }
            context.forward(record.withValue(text.toString()));
        }
    }
}
