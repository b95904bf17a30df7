// A button that records from the microphone, and a field for a file. The browser decodes what they give, whatever its
// format; Python gets a WAV of 16-bit mono samples, or nothing, and then the page has a sentence that says why.

async function decoded(blob, sampleRate) {
  const sound = await new OfflineAudioContext(1, 1, sampleRate).decodeAudioData(await blob.arrayBuffer());
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  return channels[0].map((_, t) => channels.reduce((sum, channel) => sum + channel[t], 0) / channels.length);
}

function wav(samples, sampleRate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const name = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  name(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); name(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true); view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  name(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, t) => view.setInt16(44 + 2 * t, 32767 * Math.max(-1, Math.min(1, sample)), true));
  return view;
}

function render({ model, el }) {
  el.innerHTML = `
    <button type="button" class="jupyter-button">Record</button>
    <label>or choose a sound file: <input type="file" accept="audio/*"></label>
    <p role="status">Press Record and ask, or choose a file.</p>`;
  const [button, file, status] = ["button", "input", "p"].map((name) => el.querySelector(name));
  const [sampleRate, longest] = [model.get("sample_rate"), model.get("longest")];
  const say = (text) => { status.textContent = text; };
  const hear = (message) => say(message.status);
  model.on("msg:custom", hear);

  async function send(blob, name) {
    say(`${name}: decoding …`);
    try {
      if (blob.size > 5e7) throw new Error("it has more than 50 MB");
      const samples = await decoded(blob, sampleRate);
      const seconds = samples.length / sampleRate;
      if (seconds > longest) throw new Error(`it lasts ${seconds.toFixed(1)} s`);
      model.send({ name }, undefined, [wav(samples, sampleRate)]);
    } catch (error) {
      say(`${name} cannot be used (${error.message}). Choose a file of sound, at most ${longest} s long.`);
    }
  }

  let recorder = null, gone = false;
  async function record() {
    if (!navigator.mediaDevices || !window.MediaRecorder)
      return say("No microphone here: a browser gives it only to pages at localhost or https. Choose a file.");
    let stream;
    button.disabled = true; // one question at a time: while the browser asks, a second click would begin a second one
    try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); }
    catch (error) {
      return say(`The browser gave no microphone (${error.name}). Allow it for this page, or choose a file.`);
    } finally { button.disabled = false; }
    const release = () => stream.getTracks().forEach((track) => track.stop());
    if (gone) return release();
    const pieces = [];
    recorder = new MediaRecorder(stream);
    const ends = setTimeout(() => recorder.stop(), 1000 * longest - 500); // timers are late, encoders round up
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      clearTimeout(ends);
      release();
      if (!gone) send(new Blob(pieces, { type: recorder.mimeType }), "The recording");
      [recorder, button.textContent] = [null, "Record"];
    };
    recorder.start();
    button.textContent = "Stop";
    say(`Recording, for at most ${longest} s. Ask, then press Stop.`);
  }

  button.onclick = () => (recorder ? recorder.stop() : record());
  file.onchange = () => file.files.length && send(file.files[0], file.files[0].name);
  return () => { gone = true; model.off("msg:custom", hear); if (recorder) recorder.stop(); };
}

export default { render };
